"""What is wrong with the parts that pipelines, stages and steps share: variables, agents, options, volumes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines.kubernetes_keys import RESOURCES, STEP_OPTIONS
from jx.domain.pipelines.naming import to_label
from jx.domain.pipelines.shapes import Place
from jx.domain.pipelines.syntax import Agent, EnvVar, Options

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KUBERNETES_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_VARIABLE = re.compile(r"\$[({]((?:inputs\.)?(?:params|tasks|context|workspaces|results)\.[^)}]*)[)}]")
_KNOWN_VARIABLES = frozenset(
    {"params.version", "params.build_id", "inputs.params.version", "inputs.params.build_id"}
)
"""What a run knows of itself, as Tekton writes it."""
_QUANTITY = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?([numkMGTPE]|[KMGTPE]i)?")
_SET_BY_SYNTAX = ("args", "command", "image", "name", "stdin", "stdinOnce", "tty", "workingDir")


NO_VOLUME = "there is no volume"


def check_variable(name: str, place: Place, mistakes: Mistakes, *, key: str) -> None:
    """Note a name that a shell could not use."""
    if name and not _NAME.fullmatch(name):
        what = f"{name!r} is no name of a variable: letters, digits and '_', and no digit first"
        mistakes.problems.append(place.problem(what, key))


def check_variables(text: str, place: Place, mistakes: Mistakes, *, key: str) -> None:
    """Note variables of Tekton that a run does not have: it would be refused."""
    for variable in _VARIABLE.findall(text):
        if variable not in _KNOWN_VARIABLES:
            what = f"the run has no $({variable}); it has $(params.version) and $(params.build_id)"
            mistakes.problems.append(place.problem(what, key))


def check_env(env: Iterable[EnvVar], mistakes: Mistakes) -> None:
    """Note variables without a name, given twice, or with two values."""
    seen: dict[str, EnvVar] = {}
    for one in env:
        if one.name and not _KUBERNETES_NAME.fullmatch(one.name):
            mistakes.problems.append(one.place.problem(f"{one.name!r} is no name of a variable", "name"))
        if one.name in seen:
            what = f"{one.name} is set in line {seen[one.name].place.line}, too"
            mistakes.problems.append(one.place.problem(what, "name"))
        seen.setdefault(one.name, one)
        check_variables(one.value, one.place, mistakes, key="value")
        if one.value_from is not None:
            if one.value:
                mistakes.problems.append(
                    one.place.problem(f"{one.name} has value or valueFrom, not both", "valueFrom")
                )
            if len(one.value_from) != 1:
                mistakes.problems.append(
                    one.place.problem(f"{one.name} has exactly one valueFrom", "valueFrom")
                )


def check_both_envs(
    env: tuple[EnvVar, ...], old: tuple[EnvVar, ...], place: Place, mistakes: Mistakes
) -> None:
    """Note what is wrong with either, and that both are given."""
    check_env(env or old, mistakes)
    if env and old:
        mistakes.problems.append(
            place.problem("environment is an older word for env; give one of them", "environment")
        )


def check_agent(agent: Agent | None, mistakes: Mistakes) -> None:
    """Note an agent that names no image."""
    if agent is None:
        return
    if agent.image and agent.container:
        mistakes.problems.append(
            agent.place.problem("container is an older word for image; give one of them", "container")
        )
    if agent.label and agent.real_image:
        what = "label is for Jenkins, image for Tekton; give the image only"
        mistakes.problems.append(agent.place.problem(what, "label"))
    elif agent.label:
        what = f"label {agent.label} names an agent of Jenkins, which Tekton has not; give an image"
        mistakes.problems.append(agent.place.problem(what, "label"))
    elif not agent.real_image and not agent.dir:
        mistakes.problems.append(agent.place.problem("an agent has an image"))


def check_dir(folder: str, place: Place, mistakes: Mistakes) -> None:
    """Note a folder that is known only when the run has begun."""
    if "$" in folder:
        what = f"dir {folder} holds a variable, which nobody replaces; write it as `cd` of the command"
        mistakes.problems.append(place.problem(what, "dir"))


def check_pipeline_options(options: Options, mistakes: Mistakes) -> None:
    """Note what the options of a whole pipeline may not be."""
    _check_options(options, mistakes)
    for key in ("stash", "unstash", "workspace"):
        if getattr(options, key):
            mistakes.problems.append(options.place.problem(f"{key} belongs to a stage", key))
    if options.retry:
        what = "Tekton cannot try a whole pipeline again; give retry to its stages"
        mistakes.problems.append(options.place.problem(what, "retry"))
    if options.distribute_parallel_across_nodes:
        what = "stages share a volume, and so a node: distributeParallelAcrossNodes cannot be"
        mistakes.problems.append(options.place.problem(what, "distributeParallelAcrossNodes"))


def check_stage_options(options: Options, mistakes: Mistakes, *, has_steps: bool) -> None:
    """Note what the options of a stage may not be."""
    _check_options(options, mistakes)
    for key in ("stash", "unstash"):
        if getattr(options, key):
            mistakes.problems.append(
                options.place.problem(f"stages share their workspace; leave {key} out", key)
            )
    if options.distribute_parallel_across_nodes:
        what = "distributeParallelAcrossNodes cannot be used in a stage"
        mistakes.problems.append(options.place.problem(what, "distributeParallelAcrossNodes"))
    if "workspace" in dict(options.place.keys) and not to_label(options.workspace):
        what = "workspace is a name of letters, digits and '-', or left out"
        mistakes.problems.append(options.place.problem(what, "workspace"))
    if not has_steps:
        for key in ("timeout", "retry"):
            if getattr(options, key):
                what = f"Tekton has no {key} for a group of stages; give it to the stages with steps"
                mistakes.problems.append(options.place.problem(what, key))


def _check_options(options: Options, mistakes: Mistakes) -> None:
    if options.timeout is not None and options.timeout.time <= 0:
        mistakes.problems.append(options.timeout.place.problem("a timeout is greater than zero", "time"))
    if options.retry is not None and options.retry < 0:
        mistakes.problems.append(options.place.problem("retry cannot be negative", "retry"))
    check_container_options(options.container_options, options.place, mistakes)
    check_volumes(options.volumes, options.place, mistakes)
    for sidecar in options.sidecars:
        for key in ("name", "image"):
            if not sidecar.get(key):
                mistakes.problems.append(options.place.problem(f"a sidecar has a {key}", "sidecars"))


def check_container_options(container: Mapping[str, Any] | None, place: Place, mistakes: Mistakes) -> None:
    """Note what the options of containers may not be: set otherwise, or unknown to Tekton's steps."""
    for key, value in (container or {}).items():
        if key in _SET_BY_SYNTAX:
            what = f"containerOptions may not set {key}; a step has its own words for it"
            mistakes.problems.append(place.problem(what, f"containerOptions.{key}"))
        elif key == "resources":
            _check_resources(value, place, mistakes)
        elif key not in STEP_OPTIONS:
            what = f"containerOptions may not set {key}: steps of Tekton have none"
            mistakes.problems.append(place.problem(what, f"containerOptions.{key}"))
        elif key in {"env", "envFrom", "volumeMounts", "volumeDevices"}:
            _check_named(key, value, place, mistakes)


def _check_named(key: str, value: Any, place: Place, mistakes: Mistakes) -> None:
    needed = {
        "env": ("name",),
        "volumeMounts": ("name", "mountPath"),
        "volumeDevices": ("name", "devicePath"),
    }
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        mistakes.problems.append(
            place.problem(f"{key} of containerOptions is a list of mappings", f"containerOptions.{key}")
        )
        return
    for item in value:
        for word in needed.get(key, ()):
            if not isinstance(item.get(word), str):
                what = f"an item of {key} of containerOptions has a {word}"
                mistakes.problems.append(place.problem(what, f"containerOptions.{key}"))


def _check_resources(value: Any, place: Place, mistakes: Mistakes) -> None:
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        what = "resources of containerOptions is a mapping of requests and limits"
        mistakes.problems.append(place.problem(what, "containerOptions.resources"))
        return
    for key, quantities in value.items():
        if key not in RESOURCES:
            mistakes.problems.append(place.problem(f"resources have no {key}", "containerOptions.resources"))
        for name, quantity in quantities.items():
            if not _QUANTITY.fullmatch(str(quantity)):
                what = f"{name}: {quantity!r} is no quantity, as 500m, 2 and 4Gi are"
                mistakes.problems.append(place.problem(what, "containerOptions.resources"))


def check_volumes(volumes: Iterable[Mapping[str, Any]], place: Place, mistakes: Mistakes) -> None:
    """Note volumes without a name or with two."""
    seen: set[str] = set()
    for volume in volumes:
        name = volume.get("name")
        if not isinstance(name, str) or not name:
            mistakes.problems.append(place.problem("a volume has a name", "volumes"))
            continue
        if name in seen:
            mistakes.problems.append(place.problem(f"volume {name} stands twice", "volumes"))
        seen.add(name)
        if len(volume) > 2:
            mistakes.problems.append(place.problem(f"volume {name} has more than one source", "volumes"))


def volume_names(options: Options | None) -> frozenset[str]:
    """The volumes that options bring."""
    return frozenset(str(volume.get("name", "")) for volume in options.volumes) if options else frozenset()


def check_mounts(options: Options | None, volumes: frozenset[str], mistakes: Mistakes) -> None:
    """Note mounts of volumes that are nowhere."""
    mounts = (options.container_options or {}).get("volumeMounts") if options else None
    for mount in mounts if isinstance(mounts, list) else ():
        name = mount.get("name") if isinstance(mount, dict) else None
        if options and isinstance(name, str) and name not in volumes:
            mistakes.problems.append(
                options.place.problem(f"{NO_VOLUME} {name} to mount", "containerOptions.volumeMounts")
            )
