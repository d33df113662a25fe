"""What is wrong with steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines import parts_checking as parts
from jx.domain.pipelines.naming import to_label
from jx.domain.pipelines.syntax import Step

KEPT_WHEN, LEFT_OUT_WHEN = "prow", "!prow"
"""`when` of a step: it is for Tekton, or for Jenkins."""

MOST_STEPS = 500
"""Of one stage: each is a container of its pod."""

_CHECKOUT = re.compile(r"checkout scm|git\s+['\"][^'\"]*['\"]")
_OF_LIFECYCLES = ("comment", "groovy", "steps", "when", "container")


NO_IMAGE = "no image for this step"


@dataclass(frozen=True, slots=True)
class StepRules:
    """Where steps stand."""

    stage: str
    has_image: bool
    """Whether there is an image from above."""
    is_lifecycle: bool = False
    """Older words are allowed there."""
    is_nested: bool = False


def is_checkout(groovy: str) -> bool:
    """Whether a statement of a Jenkinsfile only checks out what every run checks out anyway."""
    return bool(_CHECKOUT.fullmatch(groovy.strip()))


def check_steps(steps: Iterable[Step], rules: StepRules, mistakes: Mistakes) -> None:
    """Note what is wrong with the steps of one stage or lifecycle."""
    seen: dict[str, Step] = {}
    listed = tuple(steps)
    for step in _all_steps(listed):
        label = to_label(step.name)
        if step.name and not label:
            _note(mistakes, step, "the name of a step has at least one ASCII letter or digit", "name")
        elif label in seen:
            what = f"step {step.name} of {rules.stage} stands in line {seen[label].place.line}, too"
            _note(mistakes, step, what, "name")
        if label:
            seen.setdefault(label, step)
    for step in listed:
        _check_step(step, rules, mistakes)
    count = sum(_size(step) for step in listed)
    if count > MOST_STEPS:
        what = f"{rules.stage} comes to {count} steps, its loops unrolled; {MOST_STEPS} are the most"
        _note(mistakes, listed[0], what)


def _size(step: Step) -> int:
    """How many steps it comes to."""
    if step.loop is not None:
        return len(step.loop.values) * sum(_size(one) for one in step.loop.steps)
    return 1 + sum(_size(one) for one in step.steps)


def check_groovy(step: Step, mistakes: Mistakes) -> None:
    """Note a statement of a Jenkinsfile that a run would have to leave out."""
    if step.groovy and not is_checkout(step.groovy):
        _note(mistakes, step, f"groovy {step.groovy!r} needs Jenkins; write it as sh", "groovy")


def _all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        if step.when.strip() == LEFT_OUT_WHEN:
            continue
        yield step
        yield from _all_steps(step.steps)
        yield from _all_steps(step.loop.steps if step.loop else ())


def _check_step(step: Step, rules: StepRules, mistakes: Mistakes) -> None:
    _check_when(step, rules, mistakes)
    if step.when.strip() == LEFT_OUT_WHEN:
        return
    _check_one_of(step, rules, mistakes)
    _check_words(step, mistakes)
    parts.check_env(step.env, mistakes)
    parts.check_agent(step.agent, mistakes)
    parts.check_dir(step.dir, step.place, mistakes)
    has_image = rules.has_image or bool(step.real_image)
    if step.real_command and not has_image:
        what = f"{NO_IMAGE}: neither it nor its stage ({rules.stage}) nor what that stands in has an agent with one"
        _note(mistakes, step, what)
    if step.loop is not None:
        _check_loop(step, replace(rules, has_image=has_image), mistakes)
    if rules.is_lifecycle:
        for child in step.steps:
            _check_step(child, replace(rules, is_nested=True), mistakes)


def _check_when(step: Step, rules: StepRules, mistakes: Mistakes) -> None:
    if not rules.is_lifecycle:
        for word in _OF_LIFECYCLES:
            if getattr(step, word):
                _note(
                    mistakes, step, f"{word} belongs to steps of lifecycles, not of a pipeline's stages", word
                )
    elif step.when and step.when.strip() not in {KEPT_WHEN, LEFT_OUT_WHEN}:
        _note(mistakes, step, f"when is {step.when}; it may be {KEPT_WHEN} or {LEFT_OUT_WHEN}", "when")


def _check_one_of(step: Step, rules: StepRules, mistakes: Mistakes) -> None:
    given = [name for name in ("command", "sh", "step", "loop") if getattr(step, name)]
    if rules.is_lifecycle:
        given += [name for name in ("groovy", "steps") if getattr(step, name)]
    known = "command, sh, step, loop" + (", groovy, steps" if rules.is_lifecycle else "")
    if len(given) != 1:
        what = f"it has {' and '.join(given)}" if given else "it has none"
        _note(mistakes, step, f"a step has exactly one of {known}; {what}")
    if step.step:
        _note(
            mistakes,
            step,
            f"there is no library of steps to take {step.step} from; write its command",
            "step",
        )
    if step.options and not step.step:
        _note(mistakes, step, "options belong to step", "options")
    if step.args and not step.real_command:
        _note(mistakes, step, "args belong to command", "args")
    if rules.is_lifecycle:
        check_groovy(step, mistakes)


def _check_words(step: Step, mistakes: Mistakes) -> None:
    for key, words in (("command", step.command), ("sh", step.sh), *(("args", word) for word in step.args)):
        parts.check_variables(words, step.place, mistakes, key=key)


def _check_loop(step: Step, rules: StepRules, mistakes: Mistakes) -> None:
    loop = step.loop
    assert loop is not None
    parts.check_variable(loop.variable, loop.place, mistakes, key="variable")
    for key in ("values", "steps"):
        if not getattr(loop, key) and key in dict(loop.place.keys):
            mistakes.problems.append(loop.place.problem(f"{key} of the loop is empty", key))
    inner = replace(rules, is_lifecycle=False) if not rules.is_lifecycle else rules
    for child in loop.steps:
        _check_step(child, inner, mistakes)


def _note(mistakes: Mistakes, step: Step, what: str, key: str = "") -> None:
    mistakes.problems.append(step.place.problem(what, key))
