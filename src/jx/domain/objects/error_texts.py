"""Error texts: what an API server says of an object, without what the object holds of secrets and of draws.

Masked by value, however it is written (`secrets.scrub`), and by path: where the server quotes a field that is masked, or one
around or within it, the quote goes, whatever the server made of the value (cut it, decoded it, put defaults beside it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jx.domain.objects.manifests import Manifest
from jx.domain.objects.secrets import REDACTED, is_secret, scrub

_QUOTE = re.compile(
    r"(?P<field>[A-Za-z_][^\s:,]*|<nil>): "
    r"(?P<what>Invalid value|Unsupported value|Duplicate value|Not found|Too long|Too many|Internal error): "
)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"[^\s:,\]]*")
_TYPED = re.compile(r"got &?value\.valueUnstructured\{.*", re.DOTALL)
_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


def cleaned(text: str, manifest: Manifest | None, values: frozenset[str]) -> str:
    """What may be shown of an error about an object. `values` are those that no text may show."""
    return scrub(without_quotes(text, manifest) if manifest else text, values)


def without_quotes(text: str, manifest: Manifest) -> str:
    """A text in which no masked field is quoted."""
    masked = frozenset(_masked(manifest))
    if not masked:
        return text
    text = _TYPED.sub(f"got {REDACTED}", text)
    made, end = "", 0
    for found in _QUOTE.finditer(text):
        if found.start() < end or not _is_masked(_normal(found["field"]), masked):
            continue
        made += text[end : found.end()] + REDACTED
        end = _end_of_quote(text, found.end())
    return made + text[end:]


def _masked(manifest: Manifest) -> Iterator[str]:
    for place in manifest.derived:
        yield ".".join("*" if isinstance(part, int) else part for part in place)
    if is_secret(manifest.body):
        yield from ("data", "stringData")


def _is_masked(field: str, masked: frozenset[str]) -> bool:
    """Whether a field is masked, or holds such a one, or is within one."""
    return any(f"{one}.".startswith(f"{field}.") or f"{field}.".startswith(f"{one}.") for one in masked)


def _normal(field: str) -> str:
    """A field's path with a star for each item: the server has the list in an order of its own."""
    parts = [index or name for index, name in _PART.findall(field)]
    return ".".join("*" if part.isdigit() else part.strip("\"'") for part in parts)


def _end_of_quote(text: str, start: int) -> int:
    """Where a quoted value ends: a text in quotes, an object in braces, or a word."""
    quoted = _TEXT.match(text, start)
    if quoted:
        return quoted.end()
    word = _WORD.match(text, start)
    end = word.end() if word else start
    opening = text.find("{", start)
    if opening < 0 or opening > end:
        return end
    depth = 0
    for position in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    return len(text)
