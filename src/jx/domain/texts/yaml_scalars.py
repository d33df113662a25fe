"""What plain YAML scalars are to Go's parser, as Helm and Kubernetes use it."""

from __future__ import annotations

import math
import re
import struct

BOOLEANS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FLOAT32_LIMIT = 3.4028235e38
_EXPONENT_FROM = 6
_STRAY_UNDERSCORE = re.compile(r"(?<![0-9])_|_(?![0-9])")
TAG_PREFIX = "tag:yaml.org,2002:"


def tag_of(text: str) -> str:
    """What a plain (unquoted) scalar is to Go: `str`, `int`, `float`, `bool`, `null`, `merge` or `endless`."""
    if text in _NULLS:
        return "null"
    if text in BOOLEANS:
        return "bool"
    if text == "<<":
        return "merge"
    if text[0] not in "+-.0123456789":
        return "str"
    if _ENDLESS.fullmatch(text):
        return "endless"
    if text[0] == "." and _STRAY_UNDERSCORE.search(text):
        return "str"
    plain = text.replace("_", "")
    if find_integer(plain) is not None:
        return "int"
    return "float" if _FLOAT.fullmatch(plain) and math.isfinite(float(plain)) else "str"


def find_integer(plain: str) -> int | None:
    """Within 64 bits, signed or not; what is larger is a float to Go (or a string, where it is not decimal)."""
    match = _INTEGER.fullmatch(plain)
    if match is None or match.lastgroup is None:
        return None
    number = int(match["sign"] + match[match.lastgroup], _BASES[match.lastgroup])
    return number if -(2**63) <= number < (2**63 if match["sign"] else 2**64) else None


def write_float_key(number: float) -> str:
    """As Go writes a key that is a float: in 32 bits, with as few digits as tell it from its neighbours."""
    if abs(number) > _FLOAT32_LIMIT:
        return ".inf" if number > 0 else "-.inf"
    short = struct.unpack("f", struct.pack("f", number))[0]
    digits = next(
        n for n in range(12) if struct.pack("f", float(f"{short:.{n}e}")) == struct.pack("f", short)
    )
    scientific = f"{short:.{digits}e}"
    exponent = int(scientific.partition("e")[2])
    if exponent < -4 or exponent >= _EXPONENT_FROM:
        return scientific
    return f"{float(scientific):.{max(digits - exponent, 0)}f}"
