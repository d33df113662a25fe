"""Volumes of pods."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.kinds import claim_rules
from jx.adapters.local.kubernetes.kinds.podspecs import files, images, projections, references
from jx.adapters.local.kubernetes.types import facts
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError
from jx.adapters.local.kubernetes.words.quantities import parse

Rule: TypeAlias = Callable[[Obj, str], Iterator[FieldError]]

_ONE: Final = "may not specify more than 1 volume type"
_VOLUME: Final = "io.k8s.api.core.v1.Volume"
_HOST_PATHS: Final = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
# The order in which the real server looks at the sources of a volume, and so which of two is one too many.
_SOURCES: Final = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
    "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
    "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip


def mistakes(
    volumes: list[Obj], path: str, *, pod: str = "", is_pod: bool = False
) -> tuple[dict[str, Obj], list[FieldError]]:
    """The volumes without a mistake by their names, and all mistakes; `pod` is the pod's name, where it has one."""
    good: dict[str, Obj] = {}
    found: list[FieldError] = []
    claims = {f"{pod}-{one.get('name', '')}" for one in volumes if one.get("ephemeral") is not None and pod}
    for index, volume in enumerate(volumes):
        here, name = f"{path}[{index}]", volume.get("name") or ""
        own = list(_source_mistakes(volume, here, pod, is_pod=is_pod))
        if not name:
            own.append(invalid.required(f"{here}.name"))
        own += [invalid.invalid(f"{here}.name", name, one) for one in names.label_problems(name) if name]
        if name in good:
            own.append(invalid.duplicate(f"{here}.name", name))
        if not own:
            good[name] = volume
        found += own
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in claims:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            found.append(invalid.invalid(f"{here}.persistentVolumeClaim.claimName", claim, detail))
    return good, found


def _source_mistakes(volume: Obj, path: str, pod: str, *, is_pod: bool) -> Iterator[FieldError]:
    given = [key for key in _SOURCES if volume.get(key) is not None]
    if not given:
        yield invalid.required(path, "must specify a volume type")
        return
    for key in given[:1]:
        source, here = volume[key], f"{path}.{key}"
        if key == "image" and is_pod and not source.get("reference"):
            yield invalid.required(f"{here}.reference")
        yield from _RULES.get(key, _required_fields(key))(source, here)
        if key == "ephemeral" and pod and volume.get("name"):
            name = f"{pod}-{volume['name']}"
            for problem in names.subdomain_problems(name):
                yield invalid.invalid(f"{path}.name", volume["name"], f'PVC name "{name}": {problem}')
    for extra in given[1:]:
        shown = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}.get(extra, extra)
        yield invalid.forbidden(f"{path}.{shown}", _ONE)


def _required_fields(key: str) -> Rule:
    """What OpenAPI says has to be there; that is all there is to say about most sources of old."""
    schema = facts.load().definition(_VOLUME).child(key)

    def rule(source: Obj, path: str) -> Iterator[FieldError]:
        for field in schema.required if schema else ():
            below = schema.child(field) if schema else None
            is_text = below is not None and (below.scalar == "string" or below.kind == "list")
            if is_text and not source.get(field):
                yield invalid.required(f"{path}.{field}")

    return rule


def _empty_dir(source: Obj, path: str) -> Iterator[FieldError]:
    limit = source.get("sizeLimit")
    if limit is not None and parse(limit) < 0:
        yield invalid.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _host_path(source: Obj, path: str) -> Iterator[FieldError]:
    target = source.get("path") or ""
    if not target:
        yield invalid.required(f"{path}.path")
        return
    yield from files.backstep_mistakes(target, f"{path}.path")
    kind = source.get("type") or ""
    if kind not in _HOST_PATHS:
        yield invalid.unsupported(f"{path}.type", kind, _HOST_PATHS)


def _git(source: Obj, path: str) -> Iterator[FieldError]:
    if not source.get("repository"):
        yield invalid.required(f"{path}.repository")
    yield from files.descending_mistakes(source.get("directory") or "", f"{path}.directory")


def _keys(name: str) -> Rule:
    def rule(source: Obj, path: str) -> Iterator[FieldError]:
        if not source.get(name):
            yield invalid.required(f"{path}.{name}")
        yield from files.mode_mistakes(source, "defaultMode", path)
        for index, item in enumerate(source.get("items") or ()):
            yield from files.item_mistakes(item, f"{path}.items[{index}]")

    return rule


def _claim(source: Obj, path: str) -> Iterator[FieldError]:
    if not source.get("claimName"):
        yield invalid.required(f"{path}.claimName")


def _nfs(source: Obj, path: str) -> Iterator[FieldError]:
    yield from _required_fields("nfs")(source, path)
    if not (source.get("path") or "").startswith("/"):
        yield invalid.invalid(f"{path}.path", source.get("path") or "", "must be an absolute path")


def _downward(source: Obj, path: str) -> Iterator[FieldError]:
    yield from files.mode_mistakes(source, "defaultMode", path)
    for item in source.get("items") or ():
        yield from references.file_mistakes(item, path)


def _csi(source: Obj, path: str) -> Iterator[FieldError]:
    driver = source.get("driver") or ""
    if not driver:
        yield invalid.required(f"{path}.driver")
    elif len(driver) > 63:
        yield invalid.too_long(f"{path}.driver", 63)
    for problem in names.subdomain_problems(driver.lower()) if driver else ():
        yield invalid.invalid(f"{path}.driver", driver, problem)
    secret = source.get("nodePublishSecretRef")
    if secret is None:
        return
    if not secret.get("name"):
        yield invalid.required(f"{path}.nodePublishSecretRef.name")
    for problem in names.subdomain_problems(secret["name"]) if secret.get("name") else ():
        yield invalid.invalid(f"{path}.name", secret["name"], problem)


def _ephemeral(source: Obj, path: str) -> Iterator[FieldError]:
    template = source.get("volumeClaimTemplate")
    if template is None:
        yield invalid.required(f"{path}.volumeClaimTemplate")
    else:
        yield from claim_rules.template_mistakes(template, f"{path}.volumeClaimTemplate")


def _image(source: Obj, path: str) -> Iterator[FieldError]:
    yield from images.pull_policy_mistakes(source.get("pullPolicy"), f"{path}.pullPolicy")


def _gce(source: Obj, path: str) -> Iterator[FieldError]:
    yield from _required_fields("gcePersistentDisk")(
        source, path.replace("gcePersistentDisk", "persistentDisk")
    )


_RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "configMap": _keys("name"),
        "csi": _csi,
        "downwardAPI": _downward,
        "emptyDir": _empty_dir,
        "ephemeral": _ephemeral,
        "gcePersistentDisk": _gce,
        "gitRepo": _git,
        "hostPath": _host_path,
        "image": _image,
        "nfs": _nfs,
        "persistentVolumeClaim": _claim,
        "projected": projections.mistakes,
        "secret": _keys("secretName"),
    }
)
