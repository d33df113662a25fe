"""Policies: rules of an environment's repository about what may run there. Each is a file in `policies/`: kinds, and a schema.

A change is judged by the policies of its base branch, in what it touches: nobody can take a rule away by the change that breaks
it, and nobody has to mend what others broke. What a change does to the policies themselves is told, with how many
objects break them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import jsonschema_rs

from jx.domain.errors import Refused
from jx.domain.layouts.sections import Mistakes, open_section
from jx.domain.objects import references
from jx.domain.objects.manifests import Manifest, ObjectRef
from jx.domain.objects.secrets import mask
from jx.domain.trees import Tree

FOLDER: Final = "policies"
_SHOWN: Final = 20
"""How many breaches a message names."""


class PoliciesBroken(Refused):
    """Objects break policies; `refs` are they."""

    def __init__(self, message: str, refs: tuple[ObjectRef, ...], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.refs = refs


@dataclass(frozen=True)
class Policy:
    """One rule."""

    file: str
    kinds: frozenset[str]
    """`Kind`, `Kind.group`, or `*`."""
    schema: Mapping[str, Any] = field(hash=False)
    message: str = ""
    """What to tell who breaks it; else the schema's own words."""

    @cached_property
    def validator(self) -> Any:
        """Made once. Neither does it fetch what is referred to, nor can a pattern keep it busy, nor does it quote values."""
        return jsonschema_rs.validator_for(
            dict(self.schema),
            validate_formats=True,
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(),
            mask="the value",
        )

    def is_for(self, ref: ObjectRef) -> bool:
        """Whether it says anything about an object."""
        return not self.kinds.isdisjoint({"*", ref.kind, f"{ref.kind}.{ref.group}"})


@dataclass(frozen=True, slots=True)
class Breach:
    """One place of an object that a policy does not let be so."""

    policy: Policy
    ref: ObjectRef
    at: str
    what: str

    def __str__(self) -> str:
        place = f" at {self.at}" if self.at else ""
        return f"{self.policy.file}: {self.ref}{place}: {self.what}"


def choose(before: Tree, after: Tree) -> tuple[Policy, ...]:
    """The policies that a change is judged by: its base's. Invalid where those after it have mistakes.

    A file that has mistakes in the base counts as this change leaves it: this may be the very change that mends it.
    """
    mended = _read(after, mistakes := Mistakes())
    mistakes.check("the environment's policies have mistakes")
    good = _read(before, Mistakes())
    broken = set(_files(before)) - {one.file for one in good}
    return (*good, *(one for one in mended if one.file in broken))


def judge(policies: Iterable[Policy], manifests: Iterable[Manifest]) -> PoliciesBroken | None:
    """The refusal of what breaks any of them, all at once; None where nothing does."""
    found = list(_breaches(policies, tuple(manifests)))
    if not found:
        return None
    refs = tuple(dict.fromkeys(one.ref for one in found))
    lines = [f"- {one}" for one in found[:_SHOWN]]
    lines += [f"- and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    count = f"{len(refs)} object{' breaks' if len(refs) == 1 else 's break'}"
    return PoliciesBroken(
        f"{count} policies of this environment:\n" + "\n".join(lines),
        refs,
        hint=f"change the objects; or {FOLDER}/, in a change of its own that is merged before",
    )


def in_words(before: Tree, after: Tree, manifests: Iterable[Manifest]) -> tuple[str, ...]:
    """A line for each policy that a change brings, changes or takes away; for who reviews it."""
    old, new = ({one.file: one for one in _read(tree, Mistakes())} for tree in (before, after))
    lines = []
    objects = tuple(manifests)
    for file in sorted({*old, *new}):
        if old.get(file) == new.get(file):
            continue
        if file not in new:
            lines.append(f"takes policy {file} away")
            continue
        count = len({one.ref for one in _breaches((new[file],), objects)})
        verb = "changes" if file in old else "brings"
        lines.append(
            f"{verb} policy {file}: {count or 'no'} object{'' if count == 1 else 's'} would break it"
        )
    return tuple(lines)


def _breaches(policies: Iterable[Policy], manifests: tuple[Manifest, ...]) -> Iterator[Breach]:
    for policy in policies:
        for manifest in manifests:
            if not policy.is_for(manifest.ref):
                continue
            for error in policy.validator.iter_errors(mask(manifest.public)):
                at = references.shown(tuple(error.instance_path))
                yield Breach(policy, manifest.ref, at, policy.message or error.message)


def _files(tree: Tree) -> Iterator[str]:
    endings = (".yaml", ".yml", ".json")
    return (path for path in tree if path.startswith(f"{FOLDER}/") and path.endswith(endings))


def _read(tree: Tree, mistakes: Mistakes) -> tuple[Policy, ...]:
    """Those without mistakes."""
    found = (_read_one(tree, file, mistakes) for file in _files(tree))
    return tuple(one for one in found if one)


def _read_one(tree: Tree, file: str, mistakes: Mistakes) -> Policy | None:
    before = len(mistakes.problems)
    top = open_section(tree, file, mistakes)
    top.expect_only("kinds", "message", "schema")
    policy = Policy(file, frozenset(top.texts("kinds")), top.mapping("schema"), top.text("message"))
    for key, is_there in (("kinds", policy.kinds), ("schema", policy.schema)):
        if not is_there:
            top.mistake(f"a policy needs {key}")
    if len(mistakes.problems) == before:
        try:
            policy.validator.is_valid({})
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            top.mistake(f"its schema is none: {str(error).partition(chr(10))[0]}", "schema")
    return policy if len(mistakes.problems) == before else None
