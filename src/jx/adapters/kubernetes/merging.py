"""Merging a kubeconfig into another: entries of the same name are replaced, the current context stays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from jx.domain.errors import Invalid, Problem

_SECTIONS = ("clusters", "users", "contexts")


def merge_kubeconfig(source: Path, target: Path) -> str:
    """Write the entries of `source` into `target` (made, 0600, where it is not there); the context's name.

    Invalid where the target is no kubeconfig: nothing is written. The write is atomic.
    """
    ours, theirs = _load(source), _load(target)
    for section in _SECTIONS:
        names = {entry["name"] for entry in ours.get(section) or []}
        kept = [entry for entry in theirs.get(section) or [] if entry.get("name") not in names]
        theirs[section] = kept + list(ours.get(section) or [])
    theirs.setdefault("apiVersion", "v1")
    theirs.setdefault("kind", "Config")
    theirs.setdefault("current-context", ours.get("current-context", ""))
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.jx-new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump(theirs, file, sort_keys=False)
    draft.replace(target)
    return str(ours.get("current-context", ""))


def _load(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text()) if path.exists() else {}
    except yaml.YAMLError as error:
        raise Invalid(f"{path} is not YAML", Problem(str(path), str(error).splitlines()[0])) from error
    if not isinstance(found, dict):
        raise Invalid(f"{path} is no kubeconfig", Problem(str(path), "a mapping is expected"))
    return found
