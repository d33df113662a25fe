"""Plain secrets: values that somebody set as text and that must not stand in git. Each goes to the store, a reference into git.

A value is one where the chart's schema says so (`format: password` or `token`, `writeOnly`), where it has the form of a known
token, or where its name leaves no doubt. What is a reference or a recipe already is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jx.domain.objects import references
from jx.domain.objects.references import Reference, Scheme
from jx.domain.texts.values import ValuePath, put

FORMATS: Final = frozenset({"password", "token", "password-passthrough", "token-passthrough"})
_NAMED: Final = re.compile(r"(?i).*(?:password|passwd|passphrase|token|api[-_]?key)")
"""Names that end so. What only names where a secret is (`existingSecret`, `passwordKey`) does not."""
_FORMS: Final = tuple(
    (kind, re.compile(form))
    for kind, form in (
        ("a token of GitHub", r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{36,}"),
        ("a token of GitLab", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("a token of Vault", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
        ("a token of Slack", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("a key of AWS", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("a key of Google", r"\bAIza[A-Za-z0-9_-]{35}"),
        ("a key of Stripe", r"\b(?:sk|rk)_live_[A-Za-z0-9]{16,}"),
        (
            "a token of a package registry",
            r"\bnpm_[A-Za-z0-9]{36}|\bdckr_pat_[A-Za-z0-9_-]{20,}|\bpypi-[A-Za-z0-9_-]{50,}",
        ),
        ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,9000}\.[A-Za-z0-9_-]+"),
        ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
        (
            "an address with a login",
            r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,200}:(?P<login>[^\s/@]{1,1000})@",
        ),
    )
)
_BEGIN: Final = re.compile(
    r"gh[pousr]_|github_pat_|glpat-|hv[sbr]\.|xox|AKIA|ASIA|AIza|_live_|npm_|dckr_pat_|pypi-|eyJ|PRIVATE KEY|://[^\s@]{0,1300}@"
)
"""What one of the forms needs; most texts have none, and one look is faster than eleven."""
_PLACEHOLDER: Final = re.compile(r"[$<{%].*|\*+|x+|\.+")
"""What stands for a password in an address, in examples and templates."""

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moved:
    """Settings without secrets, and what is to be kept in the store."""

    settings: tuple[tuple[ValuePath, Any], ...] = field(default=(), repr=False)
    secrets: Mapping[Reference, str] = field(default_factory=dict, repr=False)
    places: Mapping[str, Reference] = field(default_factory=dict)
    """Which value went where, by its path."""

    def __hash__(self) -> int:
        return hash(tuple(self.secrets))


def is_secret_field(schema: Schema) -> bool:
    """Whether a schema describes what must not be read."""
    return schema.get("format") in FORMATS or schema.get("writeOnly") is True


def find_form(text: str) -> tuple[str, int, str] | None:
    """What known form of a secret a text holds, where it begins, and the secret itself; None for none."""
    if not _BEGIN.search(text):
        return None
    for kind, form in _FORMS:
        for found in form.finditer(text):
            login = found.groupdict().get("login")
            if login is None or not _PLACEHOLDER.fullmatch(login):
                return kind, found.start(), found[0]
    return None


def is_kept_elsewhere(value: object) -> bool:
    """References and recipes are no secrets: they may stand in git."""
    return references.find_reference(value) is not None or (
        isinstance(value, str) and value.startswith("<generated")
    )


def place(environment: str, app: str, path: Iterable[str | int]) -> Reference:
    """Where the store keeps the secret of an app: `vault:<environment>/<app>:auth.password`."""
    key = ".".join(re.sub(r"[^A-Za-z0-9_-]", "-", str(part)) for part in path)
    return Reference(Scheme.VAULT, f"{environment}/{app}", key)


def move(
    settings: Iterable[tuple[ValuePath, Any]], schemas: Iterable[Schema], *, environment: str, app: str
) -> Moved:
    """The settings with references in place of what is plain and secret. `schemas` describe the values of the chart."""
    known = tuple(schemas)
    kept: list[tuple[ValuePath, Any]] = []
    secrets: dict[Reference, str] = {}
    places: dict[str, Reference] = {}
    for path, value in settings:
        holder: dict[str, Any] = {"": value}
        for at, leaf in references.leaves(value):
            whole = (*path, *at)
            if _is_plain(leaf) and _is_secret(whole, str(leaf), known):
                reference = place(environment, app, whole)
                secrets[reference] = str(leaf)
                places[references.shown(whole)] = reference
                holder = put(holder, ("", *at), str(reference))
        kept.append((path, holder[""]))
    return Moved(tuple(kept), secrets, places)


def _is_plain(value: Any) -> bool:
    """Texts and numbers: `--set pin=1234` is a number to Helm."""
    is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
    return is_scalar and value != "" and not is_kept_elsewhere(value) and not references.is_misspelt(value)


def _is_secret(path: ValuePath, text: str, schemas: tuple[Schema, ...]) -> bool:
    if find_form(text) or any(_describes_secret(schema, path) for schema in schemas):
        return True
    names = [part for part in path if isinstance(part, str)]
    return bool(names and _NAMED.fullmatch(names[-1]))


def _describes_secret(root: Schema, path: ValuePath) -> bool:
    level: list[Schema] = list(_parts(root, root))
    for part in path:
        if any(is_secret_field(schema) for schema in level):
            return True
        level = [one for schema in level for child in _children(schema, part) for one in _parts(root, child)]
    return any(is_secret_field(schema) for schema in level)


def _children(schema: Schema, part: str | int) -> Iterator[Schema]:
    """What a schema says of one of its parts."""
    found: list[Any] = []
    if isinstance(part, int):
        items = schema.get("items")
        found = items if isinstance(items, list) else [items]
    else:
        properties = schema.get("properties")
        named = properties.get(part) if isinstance(properties, Mapping) else None
        found = [named or schema.get("additionalProperties")]
        patterns = schema.get("patternProperties")
        found += patterns.values() if isinstance(patterns, Mapping) else []
    yield from (one for one in found if isinstance(one, Mapping))


def _parts(root: Schema, schema: Schema) -> Iterator[Schema]:
    """A schema, and all that may hold beside it, whatever the conditions say; each once, since schemas refer to themselves."""
    seen: set[int] = set()
    left: list[Any] = [schema]
    while left:
        one = left.pop()
        if not isinstance(one, Mapping) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [one.get(word) for word in ("then", "else")]
        for word in ("allOf", "anyOf", "oneOf"):
            several = one.get(word)
            left += several if isinstance(several, list) else []
        left.append(_target(root, one.get("$ref")))


def _target(root: Schema, pointer: Any) -> Any:
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        return None
    found: Any = root
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
