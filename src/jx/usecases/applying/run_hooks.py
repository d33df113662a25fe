"""Run hooks: the objects that Helm runs around an install or upgrade, one after the other, as their policies say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying import hooks
from jx.domain.applying.applying import Action, DeletePolicy, HookOutcome, HookStep, LiveObject, Step
from jx.domain.errors import JxError, Overtaken
from jx.domain.events import Event, Level
from jx.domain.names import EnvironmentName
from jx.domain.objects import error_texts, health
from jx.domain.objects.health import State
from jx.domain.objects.ordering import wave_of
from jx.domain.objects.secrets import scrub
from jx.ports.cluster import Cluster, Scope
from jx.ports.reporter import Reporter
from jx.usecases.applying.await_needs import AwaitNeeds, Pulse
from jx.usecases.applying.delete_object import DeleteObject

_LOG_LINES = 10


@dataclass(frozen=True, slots=True)
class HookTerms:
    """Whose hooks they are, and how long each may take."""

    environment: EnvironmentName
    within: timedelta
    renew: Callable[[], bool]
    """Asked about once a second while a hook runs; raises to stop the apply. What it answers does not count: what a hook has
    begun, a newer commit does not break off."""
    secret_values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RunHooks:
    """A hook that fails stops its phase. What its policy keeps stays in the cluster, for people to look at."""

    cluster: Cluster
    await_needs: AwaitNeeds
    reporter: Reporter

    def __call__(self, steps: Iterable[HookStep], terms: HookTerms) -> tuple[HookOutcome, ...]:
        """Run the hooks of one phase, in their order; an outcome for each."""
        outcomes: list[HookOutcome] = []
        for step in steps:
            if any(one.error for one in outcomes):
                outcomes.append(HookOutcome(step, is_skipped=True))
                continue
            self.reporter.tell(Event(f"{step.phase} hook {step.ref} runs", key="apply"))
            outcome = self._run(step, terms)
            if outcome.error:
                text = f"{step.phase} hook {step.ref} failed: {outcome.error}"
                self.reporter.tell(
                    Event(text, Level.ERROR, {"object": str(step.ref), "error": outcome.error})
                )
            outcomes.append(outcome)
        cleaned = [self._clean(one, terms) for one in reversed(outcomes)]
        return tuple(reversed(cleaned))

    def _run(self, step: HookStep, terms: HookTerms) -> HookOutcome:
        try:
            error = self._make_way(step, terms)
            live = None if error else self.cluster.send(_step(step, Action.CREATE), force=True)
        except Overtaken:
            raise  # nothing more may be sent
        except JxError as refused:
            text = refused.message + (f" ({refused.hint})" if refused.hint else "")
            return HookOutcome(step, error=error_texts.cleaned(text, step.manifest, terms.secret_values))
        if error or live is None or not step.is_awaited:
            return HookOutcome(step, error=error, left=live)
        return self._await_end(step, live, terms)

    def _make_way(self, step: HookStep, terms: HookTerms) -> str:
        """Delete what an earlier run left under this name; why that cannot be done. What has an end runs anew each time, whatever
        its policy: else nothing would run."""
        if DeletePolicy.BEFORE not in step.policies and not step.is_awaited:
            return ""
        there = self._find(step)
        if there is None:
            return ""
        if not hooks.is_replaceable(there.body, terms.environment):
            return "an object of that name is there already, and no hook made it"
        self._delete(step, there)
        gone = _step(step, Action.PRUNE, there)
        return self.await_needs.gone((gone,), within=terms.within, pulse=_only(terms.renew)).get(step.ref, "")

    def _await_end(self, step: HookStep, live: LiveObject, terms: HookTerms) -> HookOutcome:
        refs = ((step.ref, step.manifest.api_version),)
        waits_for = hooks.judge(live.body).message
        for seen in self.cluster.changes(refs, within=terms.within):
            if seen is None:
                terms.renew()
                if self.await_needs.await_health.clock.wait(timedelta(0)):
                    return HookOutcome(step, error="this process is asked to end", left=live)
                continue
            live, found = seen, hooks.judge(seen.body)
            waits_for = found.message
            if found.state is State.CURRENT:
                return HookOutcome(step, left=live)
            if found.state is State.FAILED:
                return HookOutcome(step, error=waits_for + self._last_words(live, terms), left=live)
        text = f"it did not end within {terms.within.total_seconds():.0f} s: {waits_for}"
        return HookOutcome(step, error=text + self._last_words(live, terms), left=live)

    def _last_words(self, live: LiveObject, terms: HookTerms) -> str:
        """The last lines of a hook's pods; best effort."""
        try:
            pods = self.cluster.live((Scope("v1", "Pod", live.ref.namespace),))
            mine = [pod for pod in pods if pod.ref == live.ref or _is_of(pod, live)]
            failed = [pod for pod in mine if health.assess(pod.body).state is not State.CURRENT] or mine
            texts = [
                (pod, self.cluster.logs(pod.ref.namespace, pod.ref.name, lines=_LOG_LINES)) for pod in failed
            ]
        except JxError as error:
            return f"; its pods cannot be read: {error.message}"
        said = [(pod, scrub(text, terms.secret_values).splitlines()) for pod, text in texts if text.strip()]
        return "".join(
            f"\n  last lines of pod {pod.ref.name}:" + "".join(f"\n    {line}" for line in lines)
            for pod, lines in said[-1:]
        )

    def _clean(self, outcome: HookOutcome, terms: HookTerms) -> HookOutcome:
        """Delete at the end of the phase what its policy says: later hooks of the phase may need what earlier ones made."""
        policy = DeletePolicy.FAILED if outcome.error else DeletePolicy.SUCCEEDED
        if outcome.left is None or policy not in outcome.step.policies:
            return outcome
        try:
            self._delete(outcome.step, outcome.left)
        except Overtaken:
            raise
        except JxError as error:
            text = f"hook {outcome.step.ref} cannot be deleted: {error.message}"
            self.reporter.tell(Event(scrub(text, terms.secret_values), Level.WARNING))
            return outcome
        return HookOutcome(outcome.step, outcome.error, outcome.is_skipped)

    def _find(self, step: HookStep) -> LiveObject | None:
        scope = Scope(step.manifest.api_version, step.ref.kind, step.ref.namespace)
        return next((one for one in self.cluster.live((scope,)) if one.ref == step.ref), None)

    def _delete(self, step: HookStep, there: LiveObject) -> None:
        DeleteObject(self.cluster)(_step(step, Action.PRUNE, there), is_ours=lambda _: True)


def _step(hook: HookStep, action: Action, there: LiveObject | None = None) -> Step:
    return Step(
        action=action,
        ref=hook.ref,
        api_version=hook.manifest.api_version,
        wave=wave_of(hook.ref),
        reason=f"{hook.phase} hook",
        manifest=hook.manifest if action is Action.CREATE else None,
        uid=there.uid if there else "",
        resource_version=there.resource_version if there else "",
    )


def _only(renew: Callable[[], bool]) -> Pulse:
    def pulse() -> bool:
        renew()
        return False

    return pulse


def _is_of(pod: LiveObject, owner: LiveObject) -> bool:
    metadata: Mapping[str, object] = pod.body.get("metadata") or {}
    owners = metadata.get("ownerReferences") or ()
    return isinstance(owners, list) and any(one.get("uid") == owner.uid for one in owners)
