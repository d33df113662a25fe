"""Task specs: the steps of one stage as those of a task of Tekton."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines.cloning import HEADS, SCRIPT, write_heads
from jx.domain.pipelines.naming import CLONE_STEP, to_label
from jx.domain.pipelines.runs import RunRequest, image_of
from jx.domain.pipelines.shapes import write_shape
from jx.domain.pipelines.syntax import EnvVar, Step

STAGE_LABEL = "jenkins.io/task-stage-name"
VERSION_STEP = "read-version"
_LONGEST = 58
"""Of a step's name: Tekton puts `step-` before it for the container."""

_READ_VERSION = """\
set -eu
if [ ! -s VERSION ]; then
  echo "the steps of setVersion have written no file VERSION" >&2
  exit 1
fi
tr -d ' \\t\\r\\n' < VERSION > "$VERSION_RESULT"
"""


@dataclass(frozen=True, slots=True)
class TaskParts:
    """What a task is made of."""

    request: RunRequest
    stage: str
    steps: tuple[Step, ...]
    image: str
    run_env: tuple[EnvVar, ...] = ()
    """What every step is told of the run; everything else goes before it."""
    env: tuple[EnvVar, ...] = ()
    container: dict[str, Any] = field(default_factory=dict)
    sidecars: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    folder: str = ""
    matrix: tuple[str, ...] = ()
    clones: bool = False
    makes_version: bool = False


def make_task_spec(parts: TaskParts, mistakes: Mistakes) -> dict[str, Any]:
    """The spec of the task; two steps of one name are noted."""
    steps = [_clone(parts)] if parts.clones else []
    seen = {CLONE_STEP, VERSION_STEP} if parts.makes_version or parts.clones else set()
    for number, (step, env) in enumerate(_expand(parts.steps, parts.env), 1):
        name = _name(step.name) or next(one for one in _free(number) if one not in seen)
        if name in seen:
            what = f"step {step.name} of stage {parts.stage} is {name} to Tekton, as another one is"
            mistakes.problems.append(step.place.problem(what, "name"))
        seen.add(name)
        steps.append(_step(step, name, env, parts) | _devices(parts, is_first=number == 1))
    if parts.makes_version:
        steps.append(_read_version(parts))
    params = [{"name": name, "type": "string"} for name in ("version", "build_id", *parts.matrix)]
    spec: dict[str, Any] = {
        "metadata": {"labels": {STAGE_LABEL: to_label(parts.stage)}},
        "params": params,
        "workspaces": [{"name": "source", "mountPath": f"/workspace/{parts.request.source}"}],
        "steps": steps,
    }
    if parts.makes_version:
        spec["results"] = [{"name": "version", "type": "string"}]
    if parts.volumes:
        spec["volumes"] = list(parts.volumes)
    if parts.sidecars:
        spec["sidecars"] = [_sidecar(one) for one in parts.sidecars]
    return spec


def _expand(
    steps: tuple[Step, ...], env: tuple[EnvVar, ...], end: str = "", image: str = ""
) -> Iterator[tuple[Step, tuple[EnvVar, ...]]]:
    """Steps with loops unrolled: names numbered from 1, the value in a variable."""
    for step in steps:
        own = step.real_image or image
        if step.loop is None:
            name = f"{step.name}{end}" if step.name else ""
            yield replace(step, name=name, image=own), env
            continue
        for number, value in enumerate(step.loop.values, 1):
            variables = (*_put(env, step.env), EnvVar(step.loop.variable, value))
            yield from _expand(step.loop.steps, _put((), variables), f"{end}{number}", own)


def _put(env: tuple[EnvVar, ...], more: tuple[EnvVar, ...]) -> tuple[EnvVar, ...]:
    """Variables, later ones instead of earlier ones of the same name, in the order of their first."""
    return tuple({one.name: one for one in (*env, *more)}.values())


def _free(number: int) -> Iterator[str]:
    yield f"step{number}"
    for again in range(2, 1000):
        yield f"step{number}-{again}"


def _name(name: str) -> str:
    plain = to_label(name)
    if len(plain) <= _LONGEST:
        return plain
    return f"{plain[: _LONGEST - 6].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:5]}"


def _step(step: Step, name: str, env: tuple[EnvVar, ...], parts: TaskParts) -> dict[str, Any]:
    image = image_of(step.real_image or parts.image, parts.request)
    text = " ".join((step.real_command, *step.args))
    shell, words = ["/bin/sh", "-c"], [text]
    if step.real_command.startswith(
        "/kaniko/"
    ):  # its images have no shell but that of busybox, the warmer's not even that
        shell = ["/busybox/sh", "-c"]
        if step.real_command.startswith("/kaniko/warmer"):
            shell, words = step.real_command.split(), list(step.args)
    made: dict[str, Any] = {"name": name, "image": image, "command": shell}
    if words:
        made["args"] = [_escape(word) for word in words]
    made["workingDir"] = _folder(step.dir or parts.folder, parts)
    return made | _container(parts, _put(env, step.env))


def _folder(folder: str, parts: TaskParts) -> str:
    return folder if folder.startswith("/") else f"/workspace/{parts.request.source}/{folder}".rstrip("/")


def _escape(text: str) -> str:
    """Kubernetes makes one `$` of two; the shell is to see both."""
    return text.replace("$$", "$$$$")


def _container(parts: TaskParts, env: tuple[EnvVar, ...]) -> dict[str, Any]:
    """What is the same for all steps: the options of containers, and the variables that go before theirs."""
    options = {key: value for key, value in parts.container.items() if key not in {"env", "resources"}}
    given = {str(one["name"]): one for one in parts.container.get("env", [])}
    merged = (
        {one.name: _variable(one) for one in parts.run_env}
        | given
        | {one.name: _variable(one) for one in env}
    )
    return {"env": list(merged.values()), **options}


def _variable(one: EnvVar) -> dict[str, Any]:
    written = write_shape(one)
    return written if one.value_from is not None else {**written, "value": one.value}


def _clone(parts: TaskParts) -> dict[str, Any]:
    """The options of the stage's containers are not for this step: it needs no more than the repository."""
    env = [_variable(one) for one in parts.run_env]
    if parts.request.pulls:
        env.append({"name": HEADS, "value": write_heads(parts.request.pulls)})
    return {
        "name": CLONE_STEP,
        "image": parts.request.clone_image,
        "command": ["/bin/sh", "-c"],
        "args": [SCRIPT],
        "workingDir": f"/workspace/{parts.request.source}",
        "env": env,
    }


def _read_version(parts: TaskParts) -> dict[str, Any]:
    return {
        "name": VERSION_STEP,
        "image": parts.request.clone_image,
        "command": ["/bin/sh", "-c"],
        "args": [_READ_VERSION],
        "workingDir": f"/workspace/{parts.request.source}",
        "env": [{"name": "VERSION_RESULT", "value": "$(results.version.path)"}],
    }


def has_devices(resources: dict[str, Any]) -> bool:
    """Whether there are others than Kubernetes' own: those cannot be parted among the steps of a task, as Tekton parts what is
    asked for a whole task."""
    return any("/" in name for one in resources.values() if isinstance(one, dict) for name in one)


def _devices(parts: TaskParts, *, is_first: bool) -> dict[str, Any]:
    """Resources with devices stand on each step. A pod reserves the sum of its steps, so all else is asked for once."""
    resources = parts.container.get("resources") or {}
    if not has_devices(resources):
        return {}
    made = write_resources(resources)
    if not is_first and "requests" in made:
        made["requests"] = {name: one if "/" in name else "0" for name, one in made["requests"].items()}
    return {"computeResources": made}


def _sidecar(container: dict[str, Any]) -> dict[str, Any]:
    """Tekton has its own word for resources, and none for what it decides itself."""
    made = {key: value for key, value in container.items() if key != "resources"}
    return made | (
        {"computeResources": write_resources(container["resources"])} if "resources" in container else {}
    )


def write_resources(resources: dict[str, Any]) -> dict[str, Any]:
    """With quantities as texts: Tekton's definitions take `500m` and 4, but no 0.5."""
    return {
        key: {name: str(one) for name, one in value.items()} if isinstance(value, dict) else value
        for key, value in resources.items()
    }
