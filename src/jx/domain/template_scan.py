"""Template scan: which functions a chart's templates call whose answer is another one each time, or on each cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jx.domain.trees import Tree

_FUNCTIONS = (
    r"rand(AlphaNum|Alpha|Numeric|Ascii|Bytes|Int)|gen(CA|PrivateKey|SelfSignedCert|SignedCert)\w*|uuidv4|htpasswd|bcrypt"
    r"|derivePassword|encryptAES|shuffle|now|ago"
)
_MENTION = re.compile(rb"\{\{(?:(?!\}\}).)*?\b(" + _FUNCTIONS.encode() + rb")\b", re.DOTALL)
_ACTION = re.compile(rb"\{\{.*?\}\}", re.DOTALL)
_NOW = re.compile(rb'("(?:[^"\\]|\\.)*"|`[^`]*`)|(?<![\w.$])now\b')
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


def _replaced(found: re.Match[bytes]) -> bytes:
    return found[1] or _ANOTHER_DAY
