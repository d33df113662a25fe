"""Amounts of resources (`500m`, `1.5Gi`), and the one form in which the server writes each."""

import math
import re
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

_FORM: Final = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][-+]?\d+)")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SUFFIXES: Final = {power: suffix for suffix, power in _DECIMAL.items()}
_MILLI: Final = Decimal("0.001")
_MOST: Final = 2**63 - 1

WRONG: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def parse(text: Any) -> Decimal:
    """The amount; raises ValueError, with the server's text, for what is none."""
    return _parse(text)[0]


def canonical(text: Any) -> str:
    """The server's form of an amount: whole, with the largest suffix of its family, no finer than a thousandth.

    Raises ValueError.
    """
    amount, suffix = _parse(text)
    amount = amount.quantize(_MILLI, ROUND_CEILING) if amount % _MILLI else amount
    if not amount:
        return "0"
    if suffix in _BINARY[1:] and abs(amount) >= 1024 and amount == amount.to_integral_value():
        return _binary(int(amount))
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        digits, power = _thousands(amount)
        return f"{digits}e{power}" if power else str(digits)
    digits, power = _thousands(amount)
    return f"{digits}{_SUFFIXES[power]}"


def is_whole(text: Any) -> bool:
    """Whether the server finds no fraction in an amount; its thousandths may be more than its numbers hold."""
    amount, suffix = _parse(text)
    thousandths = math.ceil(amount * 1000)
    if abs(thousandths) > _MOST:
        thousandths = 0 if suffix and suffix not in _BINARY else (thousandths + 2**63) % 2**64 - 2**63
    return thousandths % 1000 == 0


def _parse(text: Any) -> tuple[Decimal, str]:
    match = _FORM.fullmatch(str(text).strip()) if not isinstance(text, bool) else None
    if match is None:
        raise ValueError(WRONG)
    number, suffix = Decimal(match[1]), match[2]
    if suffix in _BINARY[1:]:
        return min(number * 1024 ** _BINARY.index(suffix), Decimal(_MOST)), suffix
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix]), suffix
    return number.scaleb(int(suffix[1:])), suffix


def _binary(amount: int) -> str:
    at = 0
    while amount % 1024 == 0 and at < len(_BINARY) - 1:
        amount //= 1024
        at += 1
    return f"{amount}{_BINARY[at]}"


def _thousands(amount: Decimal) -> tuple[int, int]:
    """A whole number and a power of ten that is a multiple of three, as large as can be."""
    power = -9
    digits = int(amount.scaleb(9))
    while digits % 1000 == 0 and power < 18:
        digits //= 1000
        power += 3
    return digits, power
