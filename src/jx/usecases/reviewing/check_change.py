"""Check a change: say on a pull request what its merge would do to the cluster, or why it cannot be merged."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from jx.domain.applying.applying import Hold
from jx.domain.changes.change_comment import Told, write_comment, write_failure
from jx.domain.changes.changes import Check, CheckState, PullRequest, PullState
from jx.domain.environments import holds
from jx.domain.environments.environments import Environment
from jx.domain.errors import JxError, Locked, NotFound, Unavailable
from jx.domain.names import Revision
from jx.ports.clock import Clock
from jx.ports.forge import Forge
from jx.ports.repos import Repos
from jx.usecases.reviewing.plan_change import PlanChange, PlannedChange

CONTEXT = "jx/plan"
COMMENT_KEY = "jx-plan"
_WAITS = "{} has moved: checked anew when its turn comes to be merged, or now by /test"
_ASKED = re.compile(r", asked (\d+)\)$")
_OVERTAKEN = "nothing is left to change"
_RETRIED = "it is tried again: "


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check says of a pull request: the status, the comment, and either the plan or why there is none."""

    pull: PullRequest
    check: Check
    comment: str
    planned: PlannedChange | None = None
    error: JxError | None = None


@dataclass(frozen=True, slots=True)
class CheckChange:
    """Level-triggered: a pull request that was checked on today's base is left alone."""

    repos: Repos
    forge: Forge
    plan_change: PlanChange
    clock: Clock | None = None
    """None: holds count whether their time has come or not."""

    def __call__(self, environment: Environment, number: int, *, asked: int = 0) -> Check | None:
        """The check as it was set; None where there was nothing to do. Retryable errors leave the pull request as it is, but for
        what it waits for: a server that cannot be reached is named.

        `asked` is how often people asked for one more check: it is made again when that grows.
        """
        repo = environment.repo
        assert repo is not None
        pull = self.forge.observe(repo, number)
        base = self.repos.head(repo, pull.base_branch)
        if pull.state is not PullState.OPEN or base is None:
            return None
        hold = self._find_hold(environment)
        mark = _mark(base, hold, asked)
        if _is_checked(pull, mark):
            return None
        try:
            verdict = self._look(environment, pull, mark, hold)
        except Unavailable as error:
            self._tell_waits(pull, error)
            raise
        return self.tell(verdict)

    def put_off(self, environment: Environment, number: int, *, asked: int = 0) -> bool:
        """Whether the check is one of a base that has moved since, and nobody has asked for another: then it says that it waits
        for its turn, which keeps everybody from merging by it. False where there is none yet of this head."""
        assert environment.repo is not None
        pull = self.forge.observe(environment.repo, number)
        base = self.repos.head(pull.repo, pull.base_branch)
        made = (one for one in pull.checks if not one.description.startswith(_RETRIED))
        check = next((one for one in made if one.context == CONTEXT), None)
        if check is None or base is None or is_made_on(check, base) or asked > _asked(check):
            return False
        waits = _marked(CheckState.PENDING, _WAITS.format(pull.base_branch), _mark_of_waiting(_asked(check)))
        if check != waits:
            self.forge.set_status(pull.repo, pull.head, waits)
        return True

    def says_no(self, environment: Environment, number: int) -> bool:
        """Whether the check, as it was set last, keeps the head from being merged."""
        assert environment.repo is not None
        checks = self.forge.observe(environment.repo, number).checks
        return any(one.context == CONTEXT and one.state is not CheckState.SUCCESS for one in checks)

    def look(self, environment: Environment, pull: PullRequest) -> Verdict:
        """What the check says, without telling anybody; NotFound without the base branch, and retryable errors."""
        base = self.repos.head(pull.repo, pull.base_branch)
        if base is None:
            raise NotFound(f"there is no branch {pull.base_branch} in {pull.repo.full_name}")
        hold = self._find_hold(environment)
        return self._look(environment, pull, _mark(base, hold, 0), hold)

    def tell(self, verdict: Verdict) -> Check:
        """Set the check, and write the comment or renew it. Forbidden without the right to."""
        pull = verdict.pull
        self.forge.comment(pull.repo, pull.number, verdict.comment, key=COMMENT_KEY)
        self.forge.set_status(pull.repo, pull.head, verdict.check)
        return verdict.check

    def _look(self, environment: Environment, pull: PullRequest, mark: str, hold: Hold | None) -> Verdict:
        try:
            planned = self.plan_change(environment, pull)
        except (Locked, Unavailable):
            raise
        except JxError as error:
            check = _marked(CheckState.FAILURE, error.message, mark)
            return Verdict(pull, check, write_failure(error), error=error)
        comment = _comment(planned, pull, _notes(environment, hold))
        if planned.is_overtaken:
            return Verdict(pull, _marked(CheckState.SUCCESS, _OVERTAKEN, mark), comment, planned)
        refusals, count = planned.planned.refusals, len(planned.planned.plan.changes)
        words = refusals[0].message if refusals else f"{count} object{'' if count == 1 else 's'} will change"
        state = CheckState.FAILURE if refusals else CheckState.SUCCESS
        return Verdict(pull, _marked(state, words, mark), comment, planned)

    def _tell_waits(self, pull: PullRequest, error: Unavailable) -> None:
        """Once: a status that says the same again would be an event, and have it looked at for ever."""
        words = error.message.partition("\n")[0][:120]
        waits = Check(CONTEXT, CheckState.PENDING, f"{_RETRIED}{words}")
        if waits not in [replace(one, target_url="") for one in pull.checks if one.context == CONTEXT]:
            self.forge.set_status(pull.repo, pull.head, waits)

    def _find_hold(self, environment: Environment) -> Hold | None:
        """Why a merge would not be applied."""
        anchor = self.plan_change.anchors.find(environment.name)
        now = self.clock.now() if self.clock else None
        return next((one for one in anchor.holds if not holds.has_ended(one, now)), None) if anchor else None


def _mark(base: Revision, hold: Hold | None, asked: int) -> str:
    """What a check was made on, so that it is made again when the base moves, a hold begins or ends, or somebody asks."""
    return f" (on {base[:12]}{', held' if hold else ''}{f', asked {asked}' if asked else ''})"


def _mark_of_waiting(asked: int) -> str:
    return f" (waits{f', asked {asked}' if asked else ''})"


def _asked(check: Check) -> int:
    """How often people had asked when a check was made."""
    found = _ASKED.search(check.description)
    return int(found[1]) if found else 0


def is_made_on(check: Check, base: Revision) -> bool:
    """Whether a check of ours was made on that commit of the base."""
    return f" (on {base[:12]}" in check.description


def is_overtaken(pull: PullRequest, base: Revision) -> bool:
    """Whether its check on that commit of the base says that the base is so already."""
    ours = (one for one in pull.checks if one.context == CONTEXT and is_made_on(one, base))
    return any(one.description.startswith(_OVERTAKEN) for one in ours)


def _is_checked(pull: PullRequest, mark: str) -> bool:
    return any(check.context == CONTEXT and check.description.endswith(mark) for check in pull.checks)


def _marked(state: CheckState, words: str, mark: str) -> Check:
    return Check(CONTEXT, state, f"{words.partition(chr(10))[0][:100]}{mark}")


def _notes(environment: Environment, hold: Hold | None) -> tuple[str, ...]:
    """What has to be known of the environment beside the plan."""
    name, notes = environment.name, []
    if hold:
        notes.append(f"Environment {name} is {holds.in_words(hold)}. A merge waits until `jx resume {name}`.")
    if environment.is_remote:
        place = f"cluster {environment.cluster}" if environment.cluster else "another cluster"
        notes.append(
            f"Environment {name} is in {place}, whose own controllers apply it: what runs there is not seen from here, so this "
            "is the plan of a first apply."
        )
    return tuple(notes)


def _comment(planned: PlannedChange, pull: PullRequest, notes: tuple[str, ...]) -> str:
    made = planned.planned
    return write_comment(
        Told(
            plan=made.plan,
            live=made.live,
            sent=planned.sent,
            refusals=made.refusals,
            versions=planned.versions,
            installed=planned.installed,
            protected=planned.spec.requirements.protect,
            words=planned.secrets,
            notes=notes,
            number=pull.number,
            url=pull.url,
        )
    )
