"""Edit `jx-requirements.yml` of an environment, by pull request."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.environments.edits import SetRequirements
from jx.domain.errors import Usage
from jx.domain.names import DEV
from jx.domain.texts.values import parse_set, write_path
from jx.usecases.propose_change import PlatformAt, ProposeChange


@dataclass(frozen=True, slots=True)
class EditRequirementsRequest:
    """The settings, as `--set` texts."""

    platform: PlatformAt
    settings: tuple[str, ...]
    environment: str = DEV
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class EditRequirements:
    """Sets settings where they stand."""

    propose_change: ProposeChange

    def __call__(self, request: EditRequirementsRequest) -> PullRequest | None:
        """The pull request, or None where all is so already. Invalid, with every mistake, for a setting that nobody knows or a
        value that it cannot have."""
        settings = [setting for text in request.settings for setting in parse_set(text)]
        if not settings:
            raise Usage("there is nothing to set", hint="as in `jx edit requirements apply.maxDeletions=50`")
        target = self.propose_change.target(request.platform, request.environment)
        edit = SetRequirements({write_path(one.path): one.value for one in settings})
        return self.propose_change(target, edit, auto_merge=request.auto_merge)
