"""The functions that Kubernetes adds to CEL: lists, sets, regular expressions, quantities, URLs, addresses, versions.

Values of Kubernetes' own types are maps of strings with one telling key (`{"quantity": "1500m"}`), since the library
cannot carry foreign values through an expression.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, parse_qs, urlsplit

from jx.adapters.local.kubernetes.words import quantities
from jx.adapters.local.kubernetes.words.go_addresses import Address, Network, parse_address, parse_prefix
from jx.adapters.local.kubernetes.words.gotext import quoted

Tagged: TypeAlias = dict[str, str]

TAGGED: Final = "map(string, string)"
"""The type of Kubernetes' own values."""

_LIST: Final = "list(dyn)"
_STRINGS: Final = "list(string)"
_SEMVER: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


@dataclass(frozen=True)
class Overload:
    """One signature of a function. A ValueError of `call` is the expression's error."""

    result: str
    parameters: tuple[str, ...]
    call: Callable[..., Any]
    is_member: bool = True


def _of(kind: str, value: Tagged) -> str:
    try:
        return value[kind]
    except KeyError:
        raise ValueError("no such overload") from None


def _succeeds(read: Callable[[str], Any]) -> Callable[[str], bool]:
    def tell(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return tell


# Lists and sets


def _is_sorted(items: list[Any]) -> bool:
    return all(before <= after for before, after in itertools.pairwise(items))


def _extreme(choose: Callable[[list[Any]], Any], name: str) -> Callable[[list[Any]], Any]:
    def find(items: list[Any]) -> Any:
        if not items:
            raise ValueError(f"{name} called on empty list")
        return choose(items)

    return find


def _index(items: list[Any], wanted: Any) -> int:
    return items.index(wanted) if wanted in items else -1


def _last_index(items: list[Any], wanted: Any) -> int:
    return len(items) - 1 - items[::-1].index(wanted) if wanted in items else -1


def _distinct(items: list[Any]) -> list[Any]:
    return [item for index, item in enumerate(items) if item not in items[:index]]


def _flattened(items: list[Any], depth: int = 1) -> list[Any]:
    flat: list[Any] = []
    for item in items:
        flat += _flattened(item, depth - 1) if isinstance(item, list) and depth else [item]
    return flat


def _contains_all(outer: list[Any], inner: list[Any]) -> bool:
    return all(item in outer for item in inner)


# Quantities


def _quantity(text: str) -> Tagged:
    return {"quantity": quantities.canonical(text)}


def _amount(value: Tagged) -> Decimal:
    return quantities.parse(_of("quantity", value))


def _from_amount(amount: Decimal) -> Tagged:
    return {"quantity": quantities.canonical(str(amount))}


def _whole(value: Tagged) -> int:
    amount = _amount(value)
    if amount != int(amount) or abs(amount) >= 2**63:
        raise ValueError("cannot convert value to integer")
    return int(amount)


# Versions


def _semver(text: str) -> Tagged:
    if not _SEMVER.fullmatch(text):
        raise ValueError(f"invalid semantic version: {text}")
    return {"semver": text}


def _numbers(value: Tagged) -> tuple[int, int, int]:
    match = _SEMVER.fullmatch(_of("semver", value))
    assert match is not None
    return int(match[1]), int(match[2]), int(match[3])


def _compare_versions(left: Tagged, right: Tagged) -> int:
    mine, other = _numbers(left), _numbers(right)
    if mine != other:
        return 1 if mine > other else -1
    return _compare_prereleases(_prerelease(left), _prerelease(right))


def _prerelease(value: Tagged) -> list[str]:
    match = _SEMVER.fullmatch(value["semver"])
    return (match.group(4) or "").split(".") if match and match.group(4) else []


def _compare_prereleases(mine: list[str], other: list[str]) -> int:
    if not mine or not other:
        return bool(other) - bool(mine)
    for left, right in zip(mine, other, strict=False):
        if left != right:
            first, second = ((0, int(part), "") if part.isdigit() else (1, 0, part) for part in (left, right))
            return 1 if first > second else -1
    return (len(mine) > len(other)) - (len(mine) < len(other))


def _compare(left: Tagged, right: Tagged) -> int:
    if "semver" in left:
        return _compare_versions(left, right)
    mine, other = _amount(left), _amount(right)
    return (mine > other) - (mine < other)


# Addresses


def _address(text: str) -> Address:
    try:
        address = parse_address(text)
    except ValueError as error:
        raise ValueError(
            f"IP Address {quoted(text)} parse error during conversion from string: {error}"
        ) from error
    if "%" in text:
        raise ValueError(f"IP address {quoted(text)} with zone value is not allowed")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        raise ValueError(f"IPv4-mapped IPv6 address {quoted(text)} is not allowed")
    return address


def _ip(text: str) -> Tagged:
    return {"ip": str(_address(text))}


def _ip_of(value: Tagged) -> Address:
    return ipaddress.ip_address(_of("ip", value))


def _read_network(text: str) -> Network:
    try:
        network = parse_prefix(text)
    except ValueError as error:
        raise ValueError(f"network address parse error during conversion from string: {error}") from error
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(f"IPv4-mapped IPv6 address {quoted(text)} is not allowed")
    return network


def _cidr(text: str) -> Tagged:
    try:
        _read_network(text)
    except ValueError as error:
        raise ValueError(f"network address parse error during conversion from string: {error}") from error
    return {"cidr": text}


def _network(value: Tagged) -> Network:
    return _read_network(_of("cidr", value))


def _within(network: Network, other: Network) -> bool:
    same = network.version == other.version
    return same and other.subnet_of(network)  # type: ignore[arg-type]


# URLs


def _url(text: str) -> Tagged:
    parts = urlsplit(text)
    if not (parts.scheme and (parts.netloc or parts.path)) and not text.startswith("/"):
        raise ValueError(
            f"URL parse error during conversion from string: parse {quoted(text)}: invalid URI for request"
        )
    _ = parts.port
    return {"url": text}


def _parts(value: Tagged) -> SplitResult:
    return urlsplit(_of("url", value))


def _host(value: Tagged) -> str:
    return _parts(value).netloc.rpartition("@")[2]


def _hostname(value: Tagged) -> str:
    return re.sub(r":\d*$", "", _host(value)).strip("[]")


def _port(value: Tagged) -> str:
    port = _parts(value).port
    return "" if port is None else str(port)


# Regular expressions


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match.group() for match in re.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match.group() if match else ""


_LISTS: Final = {
    "isSorted": [Overload("bool", (_LIST,), _is_sorted)],
    "sum": [Overload("dyn", (_LIST,), sum)],
    "min": [Overload("dyn", (_LIST,), _extreme(min, "min"))],
    "max": [Overload("dyn", (_LIST,), _extreme(max, "max"))],
    "sort": [Overload(_LIST, (_LIST,), sorted)],
    "distinct": [Overload(_LIST, (_LIST,), _distinct)],
    "flatten": [
        Overload(_LIST, (_LIST,), _flattened),
        Overload(_LIST, (_LIST, "int"), _flattened),
    ],
    "slice": [Overload(_LIST, (_LIST, "int", "int"), lambda items, start, end: items[start:end])],
    "lists.range": [Overload("list(int)", ("int",), lambda count: list(range(count)), is_member=False)],
    "sets.contains": [Overload("bool", (_LIST, _LIST), _contains_all, is_member=False)],
    "sets.equivalent": [
        Overload(
            "bool",
            (_LIST, _LIST),
            lambda left, right: _contains_all(left, right) and _contains_all(right, left),
            is_member=False,
        )
    ],
    "sets.intersects": [
        Overload(
            "bool", (_LIST, _LIST), lambda left, right: any(item in right for item in left), is_member=False
        )
    ],
}

_COMPARISONS: Final = {
    "compareTo": [Overload("int", (TAGGED, TAGGED), _compare)],
    "isGreaterThan": [Overload("bool", (TAGGED, TAGGED), lambda left, right: _compare(left, right) > 0)],
    "isLessThan": [Overload("bool", (TAGGED, TAGGED), lambda left, right: _compare(left, right) < 0)],
}

_QUANTITIES: Final = {
    "quantity": [Overload(TAGGED, ("string",), _quantity, is_member=False)],
    "isQuantity": [Overload("bool", ("string",), _succeeds(_quantity), is_member=False)],
    "sign": [
        Overload("int", (TAGGED,), lambda one: (_amount(one) > 0) - (_amount(one) < 0), is_member=False),
        Overload("int", (TAGGED,), lambda one: (_amount(one) > 0) - (_amount(one) < 0)),
    ],
    "isInteger": [Overload("bool", (TAGGED,), lambda one: _amount(one) == int(_amount(one)))],
    "asInteger": [Overload("int", (TAGGED,), _whole)],
    "asApproximateFloat": [Overload("double", (TAGGED,), lambda one: float(_amount(one)))],
    "add": [
        Overload(TAGGED, (TAGGED, TAGGED), lambda one, two: _from_amount(_amount(one) + _amount(two))),
        Overload(TAGGED, (TAGGED, "int"), lambda one, two: _from_amount(_amount(one) + two)),
    ],
    "sub": [
        Overload(TAGGED, (TAGGED, TAGGED), lambda one, two: _from_amount(_amount(one) - _amount(two))),
        Overload(TAGGED, (TAGGED, "int"), lambda one, two: _from_amount(_amount(one) - two)),
    ],
}

_VERSIONS: Final = {
    "semver": [Overload(TAGGED, ("string",), _semver, is_member=False)],
    "isSemver": [Overload("bool", ("string",), _succeeds(_semver), is_member=False)],
    "major": [Overload("int", (TAGGED,), lambda one: _numbers(one)[0])],
    "minor": [Overload("int", (TAGGED,), lambda one: _numbers(one)[1])],
    "patch": [Overload("int", (TAGGED,), lambda one: _numbers(one)[2])],
}

_ADDRESSES: Final = {
    "ip": [
        Overload(TAGGED, ("string",), _ip, is_member=False),
        Overload(TAGGED, (TAGGED,), lambda one: _ip(_of("cidr", one).partition("/")[0])),
    ],
    "isIP": [Overload("bool", ("string",), _succeeds(_ip), is_member=False)],
    "ip.isCanonical": [
        Overload("bool", ("string",), lambda text: str(_address(text)) == text, is_member=False)
    ],
    "family": [Overload("int", (TAGGED,), lambda one: _ip_of(one).version)],
    "isUnspecified": [Overload("bool", (TAGGED,), lambda one: _ip_of(one).is_unspecified)],
    "isLoopback": [Overload("bool", (TAGGED,), lambda one: _ip_of(one).is_loopback)],
    "isLinkLocalMulticast": [
        Overload(
            "bool",
            (TAGGED,),
            lambda one: (
                _ip_of(one) in ipaddress.ip_network("224.0.0.0/24")
                or _ip_of(one) in ipaddress.ip_network("ff02::/16")
            ),
        )
    ],
    "isLinkLocalUnicast": [Overload("bool", (TAGGED,), lambda one: _ip_of(one).is_link_local)],
    "isGlobalUnicast": [
        Overload(
            "bool",
            (TAGGED,),
            lambda one: (
                not (
                    _ip_of(one).is_unspecified
                    or _ip_of(one).is_loopback
                    or _ip_of(one).is_multicast
                    or _ip_of(one).is_link_local
                    or str(_ip_of(one)) == "255.255.255.255"
                )
            ),
        )
    ],
    "cidr": [Overload(TAGGED, ("string",), _cidr, is_member=False)],
    "isCIDR": [Overload("bool", ("string",), _succeeds(_cidr), is_member=False)],
    "containsIP": [
        Overload("bool", (TAGGED, TAGGED), lambda one, two: _ip_of(two) in _network(one)),
        Overload("bool", (TAGGED, "string"), lambda one, two: _address(two) in _network(one)),
    ],
    "containsCIDR": [
        Overload("bool", (TAGGED, TAGGED), lambda one, two: _within(_network(one), _network(two))),
        Overload("bool", (TAGGED, "string"), lambda one, two: _within(_network(one), _read_network(two))),
    ],
    "prefixLength": [Overload("int", (TAGGED,), lambda one: _network(one).prefixlen)],
    "masked": [Overload(TAGGED, (TAGGED,), lambda one: {"cidr": str(_network(one))})],
}

_URLS: Final = {
    "url": [Overload(TAGGED, ("string",), _url, is_member=False)],
    "isURL": [Overload("bool", ("string",), _succeeds(_url), is_member=False)],
    "getScheme": [Overload("string", (TAGGED,), lambda one: _parts(one).scheme)],
    "getHost": [Overload("string", (TAGGED,), _host)],
    "getHostname": [Overload("string", (TAGGED,), _hostname)],
    "getPort": [Overload("string", (TAGGED,), _port)],
    "getEscapedPath": [Overload("string", (TAGGED,), lambda one: _parts(one).path)],
    "getQuery": [
        Overload(
            "map(string, list(string))",
            (TAGGED,),
            lambda one: parse_qs(_parts(one).query, keep_blank_values=True),
        )
    ],
}

_EXPRESSIONS: Final = {
    "find": [Overload("string", ("string", "string"), _find)],
    "findAll": [
        Overload(_STRINGS, ("string", "string"), _find_all),
        Overload(_STRINGS, ("string", "string", "int"), _find_all),
    ],
}

FUNCTIONS: Final[Mapping[str, list[Overload]]] = MappingProxyType(
    {**_LISTS, **_COMPARISONS, **_QUANTITIES, **_VERSIONS, **_ADDRESSES, **_URLS, **_EXPRESSIONS}
)
