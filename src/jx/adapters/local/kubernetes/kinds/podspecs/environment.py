"""Variables of containers."""

import re
from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds.podspecs import context, files, references
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_NAME: Final = re.compile(r"[ -<>-~]+")
_NAME_TEXT: Final = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NO_SOURCE: Final = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
)
_SEVERAL: Final = "may not have more than one field specified at a time"


def mistakes(variables: list[Obj], path: str) -> Iterator[FieldError]:
    """The mistakes of `env`."""
    for index, variable in enumerate(variables):
        here, name = f"{path}[{index}]", variable.get("name") or ""
        if not name:
            yield invalid.required(f"{here}.name")
        elif not _NAME.fullmatch(name):
            yield invalid.invalid(f"{here}.name", name, _NAME_TEXT)
        if variable.get("valueFrom") is not None:
            yield from _source_mistakes(variable, variable["valueFrom"], f"{here}.valueFrom")


def _source_mistakes(variable: Obj, source: Obj, path: str) -> Iterator[FieldError]:
    given = [key for key in _SOURCES if source.get(key) is not None]
    for key in given:
        reference, here = source[key], f"{path}.{key}"
        if key == "fieldRef":
            yield from references.field_mistakes(reference, references.OF_VARIABLES, here)
        elif key == "resourceFieldRef":
            yield from references.resource_mistakes(reference, here, in_volume=False)
        elif key == "fileKeyRef":
            yield from _file_mistakes(reference, here)
        else:
            yield from _key_mistakes(reference, here)
    if not given:
        yield invalid.invalid(path, "", _NO_SOURCE)
    elif variable.get("value"):
        yield invalid.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid.invalid(path, "", _SEVERAL)


def _key_mistakes(reference: Obj, path: str) -> Iterator[FieldError]:
    name, key = reference.get("name") or "", reference.get("key") or ""
    for problem in names.subdomain_problems(name):
        yield invalid.invalid(f"{path}.name", name, problem)
    if not key:
        yield invalid.required(f"{path}.key")
    for problem in names.config_key_problems(key) if key else ():
        yield invalid.invalid(f"{path}.key", key, problem)


def _file_mistakes(reference: Obj, path: str) -> Iterator[FieldError]:
    key, volume = reference.get("key") or "", reference.get("volumeName") or ""
    if not key:
        yield invalid.required(f"{path}.key")
    elif not _NAME.fullmatch(key):
        yield invalid.invalid(f"{path}.key", key, _NAME_TEXT)
    if not volume:
        yield invalid.required(f"{path}.volumeName")
    for problem in names.label_problems(volume) if volume else ():
        yield invalid.invalid(f"{path}.volumeName", volume, problem)
    if not reference.get("path"):
        yield invalid.required(f"{path}.path")
    yield from files.backstep_mistakes(reference.get("path") or "", f"{path}.path")


def source_mistakes(sources: list[Obj], path: str) -> Iterator[FieldError]:
    """The mistakes of `envFrom`."""
    for index, source in enumerate(sources):
        here, prefix = f"{path}[{index}]", source.get("prefix") or ""
        if prefix and not _NAME.fullmatch(prefix):
            yield invalid.invalid(f"{here}.prefix", prefix, _NAME_TEXT)
        given = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in given:
            name = source[key].get("name") or ""
            if not name:
                yield invalid.required(f"{here}.{key}.name")
            for problem in names.subdomain_problems(name.removesuffix("-")) if name else ():
                yield invalid.invalid(f"{here}.{key}.name", name, problem)
        if not given:
            yield invalid.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield invalid.invalid(path, "", _SEVERAL)


def file_volume_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    """Variables that come from a file need an empty folder to find it in."""
    volumes = {one.get("name"): one for one in spec.get("volumes") or ()}
    for container, here in context.containers(spec, path):
        for index, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            name, where = (
                reference.get("volumeName") or "",
                f"{here}.env[{index}].valueFrom.fileKeyRef.volumeName",
            )
            if name not in volumes:
                yield invalid.not_found(where, name)
            elif volumes[name].get("emptyDir") is None:
                yield invalid.invalid(where, name, "referenced volume must be of type emptyDir")
