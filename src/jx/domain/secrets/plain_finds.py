"""Plain finds: secrets that a change would write into git as text. Told with file and line and what they look like, never with
their value.

Only what a change brings is found: what its base has already is no news, wherever it stood.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from jx.domain.environments.environments import PlainField
from jx.domain.errors import Invalid, Problem
from jx.domain.layouts.requirements import FILE
from jx.domain.objects.manifests import Manifest
from jx.domain.objects.secrets import is_secret
from jx.domain.secrets.plain_secrets import find_form, is_kept_elsewhere
from jx.domain.trees import Blob, Tree

_PAIR: Final = re.compile(
    r"""(?x)
    (?<![\w.-])(?P<name>[A-Za-z_][\w.-]{0,200}) ["']? \s*[:=]\s*
    (?P<quote>["']?)(?P<value>[^\s"',{}\[\]]+)(?P=quote) (?=[\s,}\]]|$)
    """
)
"""A name and its value on one line, in YAML, JSON, .env and .properties alike."""
_WORD: Final = re.compile(r"[A-Za-z0-9+/=_~-]+")
_TELLING: Final = re.compile(
    r"(?i).*(?:pass|passw(?:or)?d|passphrase|pwd|secret|token|credentials?|api[-_.]?key|access[-_.]?key|private[-_.]?key"
    r"|signing[-_.]?key|encryption[-_.]?key|hmac)"
)
"""Names that end so hold secrets, as a rule; what only says where one is (`existingSecret`) holds the name of an object."""
_POINTING: Final = re.compile(r"(?i).*existing[-_.]?(?:secret|credentials?)")
_PUBLIC: Final = re.compile(
    r"(?i).*(?:digest|sum|integrity|sha\d*|commit|revision|rev|ca[-_.]?bundle|cert(?:ificate)?|crt|public[-_.]?key|fingerprint|uid|ref)"
)
"""Names of what looks like chance and is none of anybody's secrets."""
_HARMLESS: Final = re.compile(
    r"(?i)(?:.*[-_.])?(?:user|user[-_]?name|login|e?mail|host|host[-_]?name|port|url|uri|endpoint|server|address|database|db|name"
    r"|type|kind|region|bucket|namespace|mode|level|enabled|version|realm|crt|cert|pub)"
)
"""Keys of a Secret that stand beside the secret."""
_LONG: Final = re.compile(r"[A-Za-z0-9+/=_~-]{16}")
"""What every value has that looks drawn at random; most lines have none."""
_LONGEST_LINE: Final = 10_000
_SHORTEST_DATA: Final = 6
_SHORTEST_FORM: Final = 8


@dataclass(frozen=True, slots=True)
class Find:
    """One plain secret: where, under which name, and what it looks like."""

    file: str
    line: int
    name: str
    what: str
    value: str = field(repr=False, default="")
    """To tell what is news; goes nowhere else."""

    @property
    def problem(self) -> Problem:
        """As a reviewer reads it."""
        return Problem(self.file, f"{self.name}: {self.what}" if self.name else self.what, self.line)


def find_in_files(before: Tree, after: Tree) -> tuple[Find, ...]:
    """What a change brings that has the form of a secret, or looks as if it were drawn at random."""
    known = {find.value for find in _scan(_changed(after, before))}
    return tuple(find for find in _scan(_changed(before, after)) if find.value not in known)


def find_in_objects(before: Tree, after: Tree, manifests: Iterable[Manifest]) -> tuple[Find, ...]:
    """What a change brings that is the data of a Secret that it renders to."""
    wanted = {shape: ref for ref, value in _data_of(manifests) for shape in (value, _encoded(value))}
    if not wanted:
        return ()
    known = {pair["value"] for _, _, pair in _pairs(_changed(after, before))}
    return tuple(
        Find(path, line, pair["name"], f"the value of {wanted[pair['value']]} stands here", pair["value"])
        for path, line, pair in _pairs(_changed(before, after))
        if pair["value"] in wanted and pair["value"] not in known
    )


def refuse(finds: Iterable[Find], allowed: Iterable[PlainField]) -> None:
    """Invalid where a plain secret is found that nobody has allowed by its name."""
    rules = tuple(allowed)
    odd = [one for one in finds if not any(_allows(rule, one) for rule in rules)]
    if not odd:
        return
    first = odd[0]
    raise Invalid(
        "secrets would stand in git as text",
        *dict.fromkeys(one.problem for one in odd),
        hint="put the value into the store (jx edit secret) and its reference into the file; and change it, since the branch's"
        f" history has it. What is no secret is listed in {FILE}, in a change of its own that is merged before: secrets.plain:"
        f" [{{file: {first.file}, name: {first.name or '*'}}}]",
    )


def _allows(rule: PlainField, find: Find) -> bool:
    return fnmatchcase(find.file, rule.file) and rule.name in {"*", find.name}


def _changed(before: Tree, after: Tree) -> Iterator[tuple[str, Blob]]:
    return ((path, blob) for path, blob in after.files.items() if before.files.get(path) != blob)


def _lines(files: Iterable[tuple[str, Blob]]) -> Iterator[tuple[str, int, str]]:
    for path, blob in files:
        try:
            text = blob.data.decode()
        except UnicodeDecodeError:
            continue  # an archive: what it holds is told by its own repository
        for number, line in enumerate(text.splitlines(), 1):
            yield path, number, line[:_LONGEST_LINE]


def _pairs(files: Iterable[tuple[str, Blob]]) -> Iterator[tuple[str, int, re.Match[str]]]:
    for path, number, line in _lines(files):
        for pair in _PAIR.finditer(line):
            yield path, number, pair


def _scan(files: Iterable[tuple[str, Blob]]) -> Iterator[Find]:
    for path, number, line in _lines(files):
        if len(line) < _SHORTEST_FORM:
            continue
        form = find_form(line)
        if form:
            kind, at, value = form
            names = [pair["name"] for pair in _PAIR.finditer(line) if pair.start() <= at]
            yield Find(path, number, names[-1] if names else "", f"it has the form of {kind}", value)
            continue
        for pair in _PAIR.finditer(line) if _LONG.search(line) else ():
            what = _why_secret(pair["name"], pair["value"])
            if what:
                yield Find(path, number, pair["name"], what, pair["value"])


def _why_secret(name: str, value: str) -> str:
    """Why a value is taken for a secret; empty where it is not.

    Names alone are no reason, nor is chance alone: below the name of a secret, 16 letters that vary are enough; below any other
    it takes 32 of all classes with digits here and there, which neither words nor identifiers are, nor digests and commits.
    """
    if is_kept_elsewhere(value) or not _WORD.fullmatch(value) or _PUBLIC.fullmatch(name):
        return ""
    inner = _decoded(value)
    if inner:
        form = find_form(inner)
        return f"in base64, it has the form of {form[0]}" if form else ""
    classes = sum(bool(re.search(one, value)) for one in ("[a-z]", "[A-Z]", "[0-9]"))
    if _TELLING.fullmatch(name) and not _POINTING.fullmatch(name):
        is_words = re.fullmatch(r"[a-z]+\d*(?:[-_/][a-z0-9]{1,12})+", value) is not None
        if len(value) >= 16 and classes > 1 and not is_words and _entropy(value) >= 3.3:
            return "it looks drawn at random, below the name of a secret"
    runs = len(re.findall("[0-9]+", value))
    is_path = "/" in value and not (len(value) % 4 == 0 and re.search(r"[+=]", value))
    if len(value) >= 32 and classes == 3 and runs > 2 and not is_path and _entropy(value) >= 4.2:
        return "it looks drawn at random"
    return ""


def _entropy(text: str) -> float:
    """Bits per letter."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def _decoded(value: str) -> str:
    """What a value is in base64, where that is text; else empty."""
    if len(value) < 16 or len(value) % 4:
        return ""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text if all(letter.isprintable() or letter in "\n\r\t" for letter in text) else ""


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _data_of(manifests: Iterable[Manifest]) -> Iterator[tuple[str, str]]:
    """What Secrets hold, on one line each, with the words for it; without what stands beside a secret."""
    for manifest in manifests:
        body = manifest.body
        if not is_secret(body):
            continue
        found = {key: _plain(str(value)) for key, value in (body.get("data") or {}).items()}
        found |= {key: str(value) for key, value in (body.get("stringData") or {}).items()}
        for key, value in found.items():
            text = value.strip()
            if len(text) >= _SHORTEST_DATA and "\n" not in text and not _HARMLESS.fullmatch(str(key)):
                yield f"{key} of {manifest.ref}", text


def _plain(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
