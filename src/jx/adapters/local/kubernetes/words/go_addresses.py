"""IP addresses and networks as Go's `net/netip` reads them, with its messages for those that it does not."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.words.gotext import quoted

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]*")
_BITS: Final = re.compile(r"[0-9]|[1-9][0-9]+")


def parse_address(text: str) -> Address:
    """The address without its zone; a ValueError says what the text lacks."""
    if mistake := _address_mistake(text):
        raise ValueError(f"ParseAddr({quoted(text)}): {mistake}")
    return ipaddress.ip_address(text.partition("%")[0])


def parse_prefix(text: str) -> Network:
    """The network of a text such as `10.1.2.3/8`; a ValueError says what it lacks."""
    address, slash, bits = text.rpartition("/")
    if not slash:
        raise _no_prefix(text, "no '/'")
    try:
        version = parse_address(address).version
    except ValueError as error:
        raise _no_prefix(text, str(error)) from error
    if "%" in address:
        raise _no_prefix(text, "IPv6 zones cannot be present in a prefix")
    if not _BITS.fullmatch(bits):
        raise _no_prefix(text, f"bad bits after slash: {quoted(bits)}")
    if int(bits) > (32 if version == 4 else 128):
        raise _no_prefix(text, "prefix length out of range")
    return ipaddress.ip_network(text, strict=False)


def _no_prefix(text: str, mistake: str) -> ValueError:
    return ValueError(f"netip.ParsePrefix({quoted(text)}): {mistake}")


def _address_mistake(text: str) -> str:
    telling = re.search(r"[.:%]", text)
    if telling is None:
        return "unable to parse IP"
    if telling.group() == ".":
        return _v4_mistake(text)
    return _v6_mistake(text) if telling.group() == ":" else "missing IPv6 address"


def _v4_mistake(text: str) -> str:
    digits, dots = "", 0
    for index, character in enumerate(text):
        if character in "0123456789":
            if digits == "0":
                return "IPv4 field has octet with leading zero"
            digits += character
            if int(digits) > 255:
                return "IPv4 field has value >255"
        elif character == ".":
            if not digits or index == len(text) - 1:
                return _at("IPv4 field must have at least one digit", text[index:])
            if dots == 3:
                return "IPv4 address too long"
            digits, dots = "", dots + 1
        else:
            return _at("unexpected character", text[index:])
    return "" if dots == 3 else "IPv4 address too short"


def _v6_mistake(text: str) -> str:
    rest, percent, zone = text.partition("%")
    if percent and not zone:
        return "zone must be a non-empty string"
    shortened = rest.startswith("::")
    rest = rest[2:] if shortened else rest
    read = 0
    while rest and read < 16:
        digits = _HEXADECIMAL.match(rest).group()  # type: ignore[union-attr]
        after = rest[len(digits) :]
        if mistake := _group_mistake(digits, rest):
            return mistake
        if after.startswith("."):
            return _embedded_mistake(rest, read, shortened=shortened)
        read += 2
        if mistake := _separator_mistake(after, shortened=shortened):
            return mistake
        rest = after[1:]
        if rest.startswith(":"):
            shortened, rest = True, rest[1:]
    return _at("trailing garbage after address", rest) if rest else _length_mistake(read, shortened=shortened)


def _group_mistake(digits: str, rest: str) -> str:
    if len(digits) > 4:
        return _at("each group must have 4 or less digits", rest)
    return "" if digits else _at("each colon-separated field must have at least one digit", rest)


def _separator_mistake(after: str, *, shortened: bool) -> str:
    if after and not after.startswith(":"):
        return _at("unexpected character, want colon", after)
    if after == ":":
        return _at("colon must be followed by more characters", after)
    return _at("multiple :: in address", after[1:]) if after.startswith("::") and shortened else ""


def _embedded_mistake(rest: str, read: int, *, shortened: bool) -> str:
    if not shortened and read != 12:
        return _at("embedded IPv4 address must replace the final 2 fields of the address", rest)
    if read > 12:
        return _at("too many hex fields to fit an embedded IPv4 at the end of the address", rest)
    return _v4_mistake(rest) or _length_mistake(read + 4, shortened=shortened)


def _length_mistake(read: int, *, shortened: bool) -> str:
    if read < 16:
        return "" if shortened else "address string too short"
    return "the :: must expand to at least one field of zeros" if shortened else ""


def _at(mistake: str, rest: str) -> str:
    return f"{mistake} (at {quoted(rest)})"
