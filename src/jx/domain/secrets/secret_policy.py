"""Secret policy: which paths of secrets an environment may refer to, and where a secret may be readable outside of a Secret.

A branch says it in `jx-requirements.yml`. A pull request is judged by what its base branch says, and by what would hold after its
merge: nobody can give himself a secret by the change that uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from jx.domain.charts.logins import Login
from jx.domain.environments.environments import PlainField, Requirements, SecretField
from jx.domain.errors import Invalid, Problem
from jx.domain.names import EnvironmentName
from jx.domain.objects import field_paths, references
from jx.domain.objects.derived import Landing
from jx.domain.objects.references import Reach
from jx.domain.trees import Tree

_PIPELINES = (
    "jenkins-x*.yml",
    "jenkins-x*.yaml",
    "Jenkinsfile*",
    ".lighthouse/*",
    ".tekton/*",
    "tekton/*",
    ".gitlab-ci.yml",
    ".github/workflows/*",
    ".gitea/workflows/*",
    "bitbucket-pipelines.yml",
)
"""Files that say what pipelines do; `*` goes through folders."""


@dataclass(frozen=True, slots=True)
class SecretPolicy:
    """What one branch allows."""

    reach: Reach
    fields: tuple[SecretField, ...] = ()
    plain: tuple[PlainField, ...] = ()
    """What looks like a secret and is none."""

    def allows(self, landing: Landing) -> bool:
        """Whether a secret may be readable there."""
        return any(_is_for(rule, landing) for rule in self.fields)


def policy_of(requirements: Requirements, environment: EnvironmentName) -> SecretPolicy:
    """What settings say; where they are silent, the paths below the environment's own name."""
    return SecretPolicy(
        Reach(requirements.secret_paths or (f"{environment}/**",)),
        requirements.secret_fields,
        requirements.plain_fields,
    )


def refuse_landings(found: Iterable[Landing], policies: Iterable[SecretPolicy]) -> None:
    """Invalid where a secret would be readable outside of a Secret, and one of the policies does not allow that."""
    rules = tuple(policies)
    odd = [one for one in found if not all(policy.allows(one) for policy in rules)]
    if not odd:
        return
    first = odd[0]
    raise Invalid(
        "secrets would be readable outside of a Secret",
        *(Problem(one.source, str(one)) for one in odd),
        hint="put it into a Secret; or, if that field is to hold it, into jx-requirements.yml, in a change of its own that is"
        f" merged before: secrets.fields: [{{kind: {first.ref.kind}, name: {first.ref.name}, field: {first.place}}}]",
    )


def refuse_logins(logins: Iterable[Login], policies: Iterable[SecretPolicy], *, environment: str) -> None:
    """Invalid where a login is named at a path that one of the policies does not let the environment read."""
    rules = tuple(policies)
    odd = [one for one in logins if not all(policy.reach.covers(one.secret.path) for policy in rules)]
    if odd:
        raise Invalid(
            "logins of somewhere else are referred to",
            *(
                Problem("jx-requirements.yml", f"{one.secret} is not for environment {environment}")
                for one in odd
            ),
            hint="list the path in jx-requirements.yml (secrets.paths), in a change of its own that is merged before",
        )


def refuse_pipelines(before: Tree, after: Tree) -> None:
    """Invalid where a change brings a reference to a secret into a pipeline."""
    known = {(path, reference) for path, _, reference in _in_pipelines(before)}
    odd = [one for one in _in_pipelines(after) if (one[0], one[2]) not in known]
    if odd:
        raise Invalid(
            "secrets would be given to a pipeline",
            *(Problem(path, f"a pipeline refers to {reference}", line) for path, line, reference in odd),
            hint="whoever changes a pipeline can print what it has; let it read a Secret of its own namespace by name",
        )


def in_words(before: SecretPolicy, after: SecretPolicy) -> tuple[str, ...]:
    """A line for each thing that a change allows or no longer allows; for who reviews it."""
    old, new = before.reach.patterns, after.reach.patterns
    return (
        *(f"allows references to secrets at {one}, from its merge on" for one in new if one not in old),
        *(f"no longer allows references to secrets at {one}" for one in old if one not in new),
        *(
            f"allows {_shown(one)} to hold a secret, from its merge on"
            for one in after.fields
            if one not in before.fields
        ),
        *(
            f"no longer allows {_shown(one)} to hold a secret"
            for one in before.fields
            if one not in after.fields
        ),
        *(
            f"lets {one.name} in {one.file} stand as text, from its merge on"
            for one in after.plain
            if one not in before.plain
        ),
    )


def _shown(rule: SecretField) -> str:
    return f"{rule.kind}/{rule.name} {rule.field}"


def _in_pipelines(tree: Tree) -> list[tuple[str, int, references.Reference]]:
    return [
        (path, number, reference)
        for path in tree
        if any(fnmatchcase(path, pattern) for pattern in _PIPELINES)
        for number, line in enumerate((tree.find_text(path) or "").splitlines(), 1)
        for reference in references.list_in_text(line)
    ]


def _is_for(rule: SecretField, landing: Landing) -> bool:
    ref = landing.ref
    return (
        rule.kind in {ref.kind, f"{ref.kind}.{ref.group}"}
        and rule.name in {"*", ref.name}
        and field_paths.covers(rule.field, landing.place)
    )
