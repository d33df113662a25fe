"""Wording: branch, title and body of the pull request for an edit, by the patterns of Jenkins X 2.

Where those ended in random characters, here are some computed from the edit: the same request meets its own branch again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from jx.domain.charts.apps import App
from jx.domain.environments.edits import (
    Edit,
    PatchFiles,
    PutApp,
    PutEnvironment,
    PutLogin,
    PutPlace,
    RemoveApp,
    RemoveEnvironment,
    SetRequirements,
    SettingsEdit,
    SetValues,
    SetVersion,
    Several,
    content_suffix,
    key_of,
    parts_of,
)
from jx.domain.names import AppKey


@dataclass(frozen=True, slots=True)
class Wording:
    """How a change is called."""

    branch: str
    title: str
    body: str
    parts: tuple[Wording, ...] = ()
    """Of each commit, where there is more than one: title and body."""


def word_edit(edit: Edit, before: Iterable[App]) -> Wording:
    """The words for an edit of an environment that has these apps now."""
    apps = tuple(before)
    versions = {app.key: app.chart.version for app in apps}
    match edit:
        case PutApp(app, _):
            version = app.chart.version
            branch = f"add-app-{app.key}-{version}"
            return Wording(_branch(branch), f"Add {app.key} {version}", f"Add app {app.key} {version}")
        case SetVersion(key, version):
            branch = f"upgrade-app-{key}-{version}-{content_suffix(edit)}"
            return Wording(_branch(branch), f"Upgrade {key} to {version}", _upgrade(edit, versions))
        case RemoveApp(key):
            return Wording(f"delete-app-{key}", f"Delete {key}", f"Delete app {key}")
        case SetValues(key, values):
            names = ", ".join(f"`{name}`" for name in values)
            return Wording(
                f"edit-app-{key}-{content_suffix(edit)}", f"Edit {key}", f"Edit app {key}: set {names}"
            )
        case (
            PutEnvironment()
            | RemoveEnvironment()
            | SetRequirements()
            | PutLogin()
            | PutPlace()
            | PatchFiles()
        ):
            return _word_settings(edit)
        case Several((only,)):
            return word_edit(only, apps)
        case Several(edits) if edits and key_of(edit) is not None:
            words = word_edit(edits[0], apps)
            body = "\n".join(word_edit(one, apps).body for one in edits)
            return Wording(f"{words.branch}-{content_suffix(edit)}", words.title, body)
        case Several(edits):
            lines = [_line(one, versions) for one in edits]
            body = "\n".join(["Upgrade all apps:", *(f"* {line}" for line in lines)])
            return Wording(
                f"upgrade-all-apps-{content_suffix(edit)}",
                "Upgrade all apps",
                body,
                tuple(word_edit(one, apps) for one in parts_of(edit) if one != edit),
            )
    assert_never(edit)


def _word_settings(
    edit: PutEnvironment | RemoveEnvironment | SettingsEdit | PatchFiles,
) -> Wording:
    match edit:
        case PutLogin(login):
            title = f"Name the login for {login.url}"
            return Wording(
                f"add-login-{content_suffix(edit)}", title, f"{title}: the store has it at {login.secret}"
            )
        case PutPlace(place):
            said = (
                f"namespace `{place.namespace}`" if place.namespace else "",
                f"release `{place.release}`" if place.release else "",
            )
            return Wording(
                f"place-app-{place.app}-{content_suffix(edit)}",
                f"Place {place.app}",
                f"Place app {place.app}: {', '.join(one for one in said if one)} of its own",
            )
        case PatchFiles(patches):
            names = ", ".join(f"`{patch.path}`" for patch in patches)
            return Wording(f"edit-files-{content_suffix(edit)}", f"Edit {names}", f"Edit {names}")
        case PutEnvironment(name, spec):
            names = ", ".join(f"`{one}`" for one in spec)
            return Wording(
                f"edit-env-{name}-{content_suffix(edit)}",
                f"Edit environment {name}",
                f"Edit environment {name}: set {names}",
            )
        case RemoveEnvironment(name):
            return Wording(f"delete-env-{name}", f"Delete environment {name}", f"Delete environment {name}")
        case SetRequirements(values):
            names = ", ".join(f"`{one}`" for one in values)
            return Wording(
                f"edit-requirements-{content_suffix(edit)}",
                "Edit requirements",
                f"Edit requirements: set {names}",
            )
    assert_never(edit)


def word_promotion(name: str, version: str) -> Wording:
    """The words for a release that is promoted."""
    branch = _branch(f"promote-{name}-{version}")
    return Wording(branch, f"chore: {name} to {version}", f"chore: Promote {name} to version {version}")


def _upgrade(edit: SetVersion, versions: Mapping[AppKey, str]) -> str:
    return f"Upgrade {edit.key} from {versions.get(edit.key) or 'an unknown version'} to {edit.version}"


def _line(edit: Edit, versions: Mapping[AppKey, str]) -> str:
    if isinstance(edit, SetVersion):
        return _upgrade(edit, versions).removeprefix("Upgrade ")
    return word_edit(edit, ()).body


def _branch(text: str) -> str:
    """Versions may hold `+`, which is no good in the name of a branch."""
    return re.sub(r"[^A-Za-z0-9._/-]", "-", text).replace("..", ".-").rstrip("./")
