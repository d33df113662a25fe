"""Template scan: which functions a chart's templates call whose answer is another one each time, or on each cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from jx.domain.trees import Tree

_FUNCTIONS = (
    r"rand(AlphaNum|Alpha|Numeric|Ascii|Bytes|Int)|gen(CA|PrivateKey|SelfSignedCert|SignedCert)\w*|uuidv4|htpasswd|bcrypt"
    r"|derivePassword|encryptAES|shuffle|now|ago"
)
_MENTION = re.compile(rb"\{\{(?:(?!\}\}).)*?\b(" + _FUNCTIONS.encode() + rb")\b", re.DOTALL)
_ACTION = re.compile(rb"\{\{.*?\}\}", re.DOTALL)
_NOW = re.compile(rb'("(?:[^"\\]|\\.)*"|`[^`]*`)|(?<![\w.$])now\b')
_VALUE = re.compile(r"\.Values\.([\w.]*\w)")
_INCLUDE = re.compile(r"(?:include|template)\s+\"([^\"]+)\"")
_PROVIDED = re.compile(r"\"providedValues\"\s+\(list([^)]*)\)")
_VARIABLE = re.compile(r"\$(\w+)")
_ASSIGNED = re.compile(r"\$(\w+)\s*:?=")
_SECRET = re.compile(r"(?i)(password|secret|token|key|cert|passphrase)\w*$")
_QUOTED = re.compile(r"\"([^\"]+)\"")
_ANOTHER_DAY = b'(toDate "2006-01-02" "2001-02-03")'


def mentions_random(trees: Iterable[Tree]) -> bool:
    """Whether any template of these charts calls a function that draws at random or reads the clock. Packed charts may."""
    return any(
        path.endswith(".tgz") or ("templates/" in path and _MENTION.search(blob.data) is not None)
        for tree in trees
        for path, blob in tree.files.items()
    )


def on_another_day(template: bytes) -> bytes:
    """A template that reads another day from the clock: two renders within one second else agree on the time."""
    return _ACTION.sub(lambda action: _NOW.sub(_replaced, action[0]), template)


def values_behind(chart: Tree, template: str, key: str) -> tuple[str, ...]:
    """The values that a person can set in place of what a template draws at a key, as far as the template tells: those that are
    read where the key is written, in the variables and named templates that are used there, too; else where something is drawn.
    Those that sound like secrets come first."""
    lines = (chart.find_text(template) or "").splitlines()
    near = [line for line in lines if re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", line)]
    used = {name for line in near for name in _VARIABLE.findall(line)}
    near += [line for line in lines if used & set(_ASSIGNED.findall(line))]
    drawing = [line for line in lines if _MENTION.search(line.encode())]
    named = _named(chart, near) or _named(chart, drawing)
    return tuple(sorted(dict.fromkeys(named), key=lambda name: not _SECRET.search(name)))


def _named(chart: Tree, lines: list[str]) -> list[str]:
    """The values that lines of a template read."""
    inside = [body for line in lines for name in _INCLUDE.findall(line) for body in _bodies(chart, name)]
    return [name for text in (*lines, *inside) for name in (*_VALUE.findall(text), *_provided(text))]


def _provided(text: str) -> list[str]:
    return [name for found in _PROVIDED.findall(text) for name in _QUOTED.findall(found)]


def _bodies(chart: Tree, name: str) -> Iterator[str]:
    """The bodies of a named template."""
    opening = re.compile(
        r"\{\{-?\s*define\s+\"" + re.escape(name) + r"\"\s*-?\}\}(.*?)(?=\{\{-?\s*define\s|\Z)", re.DOTALL
    )
    for path in chart:
        if "templates/" in path:
            yield from opening.findall(chart.find_text(path) or "")


def _replaced(found: re.Match[bytes]) -> bytes:
    return found[1] or _ANOTHER_DAY
