"""Edits: changes to a Tree as data. They can be shown, stored in a commit trailer, and replayed on a newer base.

`apply_edit` is in `jx.domain.layouts.umbrella`, since it depends on how an environment is written down. Applying an edit twice
is applying it once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, assert_never

from jx.domain.charts.apps import App, AppPlace
from jx.domain.charts.charts import ChartRef
from jx.domain.charts.logins import Login
from jx.domain.errors import Invalid
from jx.domain.names import AppKey, EnvironmentName
from jx.domain.objects.references import parse_reference
from jx.domain.texts.patches import FilePatch, Hunk


@dataclass(frozen=True, slots=True)
class PutApp:
    """Add an app, or set its chart where it is there; `files` (relative to the app's folder) are written too."""

    app: App
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetVersion:
    """Move an app to another version of its chart; NotFound where it is not installed."""

    key: AppKey
    version: str


@dataclass(frozen=True, slots=True)
class RemoveApp:
    """Remove an app, its folder and its values."""

    key: AppKey


@dataclass(frozen=True, slots=True)
class SetValues:
    """Set values of an app: dotted path (Helm's `--set` syntax without commas) -> JSON value."""

    key: AppKey
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PutLogin:
    """Name where the login of a server is kept, in the environment's settings."""

    login: Login


@dataclass(frozen=True, slots=True)
class PutPlace:
    """Give an app a namespace or a release of its own, in the environment's settings."""

    place: AppPlace


@dataclass(frozen=True, slots=True)
class PutEnvironment:
    """Declare an environment in the dev repository, or change what its declaration says: paths below `spec` -> value."""

    name: EnvironmentName
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RemoveEnvironment:
    """Take an environment's declaration out of the dev repository; nothing that runs there is touched."""

    name: EnvironmentName


@dataclass(frozen=True, slots=True)
class SetRequirements:
    """Set values of `jx-requirements.yml`: dotted path -> JSON value."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PatchFiles:
    """Change lines of files, whatever they hold; Invalid where those lines are not there."""

    patches: tuple[FilePatch, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """Edits in order, as one."""

    edits: tuple[Edit, ...]


ChartEdit = PutApp | SetVersion | RemoveApp | SetValues | PutEnvironment | RemoveEnvironment
"""What changes the umbrella chart."""

SettingsEdit = SetRequirements | PutLogin | PutPlace
"""What changes `jx-requirements.yml`."""

Edit = ChartEdit | SettingsEdit | PatchFiles | Several


def key_of(edit: Edit) -> AppKey | None:
    """The one app that an edit is about; None where it is about none, or several. A login goes along with what needs it."""
    match edit:
        case PutApp(app, _):
            return app.key
        case SetVersion(key, _) | RemoveApp(key) | SetValues(key, _):
            return key
        case PutPlace(place):
            return AppKey(place.app)
        case Several(edits):
            keys = {key_of(one) for one in edits if not isinstance(one, PutLogin)}
            return keys.pop() if len(keys) == 1 else None
        case PutEnvironment() | RemoveEnvironment() | SetRequirements() | PutLogin() | PatchFiles():
            return None
    assert_never(edit)


def parts_of(edit: Edit) -> tuple[Edit, ...]:
    """What is a commit of its own: the upgrade of each app, where several are upgraded; else the edit itself."""
    if not isinstance(edit, Several) or not all(
        isinstance(one, SetVersion | SetValues) for one in edit.edits
    ):
        return (edit,)
    groups = [tuple(group) for _, group in groupby(edit.edits, key=key_of)]
    return tuple(group[0] if len(group) == 1 else Several(group) for group in groups) or (edit,)


def join_edits(edits: Iterable[Edit]) -> Edit:
    """Edits in order, as one."""
    flat = [part for one in edits for part in (one.edits if isinstance(one, Several) else (one,))]
    return flat[0] if len(flat) == 1 else Several(tuple(flat))


def edit_to_json(edit: Edit) -> str:
    """One line of JSON, for a commit trailer (`Jx-Edit:`)."""
    return json.dumps(_to_data(edit), sort_keys=True, separators=(",", ":"))


def content_suffix(edit: Edit) -> str:
    """Five characters computed from the edit, for the names of branches."""
    return hashlib.sha256(edit_to_json(edit).encode()).hexdigest()[:5]


def parse_edit(text: str) -> Edit:
    """An edit from its trailer, or Invalid."""
    try:
        return _from_data(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(f"this is not an edit: {text[:80]!r}") from error


def _to_data(edit: Edit) -> dict[str, Any]:
    match edit:
        case PutApp(app, files):
            chart = app.chart
            data = {
                "do": "put-app",
                "name": chart.name,
                "repository": chart.repository,
                "version": chart.version,
            }
            return data | {
                "alias": app.alias,
                "condition": app.condition,
                "tags": list(app.tags),
                "files": dict(files),
            }
        case SetVersion(key, version):
            return {"do": "set-version", "key": key, "version": version}
        case RemoveApp(key):
            return {"do": "remove-app", "key": key}
        case SetValues(key, values):
            return {"do": "set-values", "key": key, "values": dict(values)}
        case PutLogin() | PutPlace() | PutEnvironment() | RemoveEnvironment() | SetRequirements():
            return _settings_to_data(edit)
        case PatchFiles(patches):
            return {"do": "patch-files", "patches": [_patch_to_data(one) for one in patches]}
        case Several(edits):
            return {"do": "several", "edits": [_to_data(one) for one in edits]}


def _settings_to_data(
    edit: SettingsEdit | PutEnvironment | RemoveEnvironment,
) -> dict[str, Any]:
    match edit:
        case PutLogin(login):
            return {"do": "put-login", "url": login.url, "secret": str(login.secret)}
        case PutPlace(place):
            return {
                "do": "put-place",
                "app": place.app,
                "namespace": place.namespace,
                "release": place.release,
            }
        case PutEnvironment(name, spec):
            return {"do": "put-environment", "name": name, "spec": dict(spec)}
        case RemoveEnvironment(name):
            return {"do": "remove-environment", "name": name}
        case SetRequirements(values):
            return {"do": "set-requirements", "values": dict(values)}


def _patch_to_data(patch: FilePatch) -> dict[str, Any]:
    if patch.is_whole:
        return {"path": patch.path, "text": patch.text}
    return {
        "path": patch.path,
        "hunks": [[one.before, one.after, one.is_first, one.is_last] for one in patch.hunks],
    }


def _parse_patch(data: dict[str, Any]) -> FilePatch:
    if "text" in data:
        return FilePatch(data["path"], is_whole=True, text=data["text"])
    return FilePatch(
        data["path"], tuple(Hunk(row[0], row[1], is_first=row[2], is_last=row[3]) for row in data["hunks"])
    )


def _from_data(data: dict[str, Any]) -> Edit:
    return _PARSERS[data["do"]](data)


def _put_app(data: dict[str, Any]) -> PutApp:
    chart = ChartRef(data["name"], data["repository"], data["version"])
    key = AppKey(data["alias"] or data["name"])
    app = App(key, chart, alias=data["alias"], condition=data["condition"], tags=tuple(data["tags"]))
    return PutApp(app, data["files"])


_PARSERS: Mapping[str, Callable[[dict[str, Any]], Edit]] = {
    "put-app": _put_app,
    "set-version": lambda data: SetVersion(AppKey(data["key"]), data["version"]),
    "remove-app": lambda data: RemoveApp(AppKey(data["key"])),
    "set-values": lambda data: SetValues(AppKey(data["key"]), data["values"]),
    "put-login": lambda data: PutLogin(Login(data["url"], parse_reference(data["secret"]))),
    "put-place": lambda data: PutPlace(AppPlace(data["app"], data["namespace"], data["release"])),
    "put-environment": lambda data: PutEnvironment(EnvironmentName(data["name"]), data["spec"]),
    "remove-environment": lambda data: RemoveEnvironment(EnvironmentName(data["name"])),
    "set-requirements": lambda data: SetRequirements(data["values"]),
    "patch-files": lambda data: PatchFiles(tuple(map(_parse_patch, data["patches"]))),
    "several": lambda data: Several(tuple(_from_data(one) for one in data["edits"])),
}
"""By what an edit does."""
