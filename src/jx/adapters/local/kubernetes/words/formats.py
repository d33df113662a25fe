"""The string formats that a custom resource's schema may ask for."""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from jx.adapters.local.kubernetes.words import names

_HEX: Final = "[0-9a-fA-F]"
_UUID: Final = f"{_HEX}{{8}}-?{_HEX}{{4}}-?%s{_HEX}{{3}}-?%s{_HEX}{{3}}-?{_HEX}{{12}}"
_DURATION: Final = r"0|[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+"
_HOST_LABEL: Final = "[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"


def fits(text: str, form: str) -> bool:
    """Whether a text is of a format; a format that nobody knows asks for nothing."""
    check = _CHECKS.get(form)
    if check is None:
        return True
    try:
        return check(text)
    except ValueError:
        return False


def is_known(form: str, kind: str) -> bool:
    """Whether values of a type are held to a format."""
    match kind:
        case "" | "string":
            return form.replace("-", "") in _KNOWN
        case "integer":
            return form in ("int32", "int64")
        case "number":
            return form in ("float", "double")
        case _:
            return False


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _is_date(text: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(date.fromisoformat(text))


def _is_datetime(text: str) -> bool:
    stamp = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[-+]\d\d:?\d\d)?", text)
    return stamp is not None and bool(datetime.fromisoformat(f"{stamp[1]}T{stamp[2]}"))


def _is_uri(text: str) -> bool:
    return bool(urlsplit(text).scheme) or text.startswith("/")


def _is_base64(text: str) -> bool:
    return base64.b64decode(text, validate=True) is not None


_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "byte": _is_base64,
        "cidr": lambda text: "/" in text and bool(ipaddress.ip_interface(text)),
        "date": _is_date,
        "date-time": _is_datetime,
        "datetime": _is_datetime,
        "duration": _matches(_DURATION),
        "email": _matches(r"[^@\s]+@[^@\s]+"),
        "hexcolor": _matches(f"#?({_HEX}{{3}}|{_HEX}{{6}})"),
        "hostname": _matches(rf"(?=.{{1,253}}$){_HOST_LABEL}(\.{_HOST_LABEL})*"),
        "ipv4": lambda text: bool(ipaddress.IPv4Address(text)),
        "ipv6": lambda text: bool(ipaddress.IPv6Address(text)),
        "k8s-long-name": lambda text: not names.subdomain_problems(text),
        "k8s-short-name": lambda text: not names.label_problems(text),
        "mac": _matches(f"{_HEX}{{2}}([:-]{_HEX}{{2}}){{5}}"),
        "uri": _is_uri,
        "uuid": _matches(_UUID % (_HEX, _HEX)),
        "uuid3": _matches(_UUID % ("3", _HEX)),
        "uuid4": _matches(_UUID % ("4", "[89abAB]")),
        "uuid5": _matches(_UUID % ("5", "[89abAB]")),
    }
)
_UNCHECKED: Final = ("bsonobjectid", "creditcard", "isbn", "isbn10", "isbn13", "password", "rgbcolor", "ssn")
_KNOWN: Final = frozenset((*(form.replace("-", "") for form in _CHECKS), *_UNCHECKED))
