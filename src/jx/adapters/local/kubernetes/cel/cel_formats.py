"""`format.dns1123Label().validate(text)`: CEL's names for the forms of texts.

The real function gives an optional list of problems. The library cannot give optionals, so here it gives the list or null, and
expressions are read so that they do not notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from jx.adapters.local.kubernetes.cel.cel_functions import TAGGED, Overload, Tagged
from jx.adapters.local.kubernetes.words import formats, names

_ASKED: Final = re.compile(r"\.validate\(([^()]*)\)\.hasValue\(\)")
_TAKEN: Final = re.compile(r"\.validate\(([^()]*)\)\.value\(\)")


def without_optionals(source: str) -> str:
    """The expression for a `validate` that gives a list or null."""
    return _TAKEN.sub(r".validate(\1)", _ASKED.sub(r".refuses(\1)", source))


def _fits(form: str, problem: str) -> Callable[[str], list[str]]:
    return lambda text: [] if formats.fits(text, form) else [problem]


_CHECKS: Final[Mapping[str, Callable[[str], list[str]]]] = MappingProxyType(
    {
        "dns1035Label": names.label_1035_problems,
        "dns1123Label": names.label_problems,
        "dns1123Subdomain": names.subdomain_problems,
        "labelValue": names.label_value_problems,
        "qualifiedName": names.label_key_problems,
        "byte": _fits("byte", "invalid base64"),
        "date": _fits("date", "invalid date"),
        "datetime": _fits("datetime", "invalid datetime"),
        "uri": _fits("uri", "invalid URI for request"),
        "uuid": _fits("uuid", "does not match the UUID format"),
    }
)


def _maker(name: str) -> Callable[[], Tagged]:
    return lambda: {"format": name}


def _validate(form: Tagged, text: str) -> list[str] | None:
    return _CHECKS[form["format"]](text) or None


FORMATS: Final[Mapping[str, list[Overload]]] = MappingProxyType(
    {
        "validate": [Overload("dyn", (TAGGED, "string"), _validate)],
        "refuses": [
            Overload("bool", (TAGGED, "string"), lambda form, text: _validate(form, text) is not None)
        ],
        **{f"format.{name}": [Overload(TAGGED, (), _maker(name), is_member=False)] for name in _CHECKS},
    }
)
