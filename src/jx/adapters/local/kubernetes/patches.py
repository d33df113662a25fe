"""The three older patch types: JSON patch, JSON merge patch and strategic merge patch."""

from typing import Any

from jx.adapters.local.kubernetes.facts import Obj, Schema


class PatchError(Exception):
    """A patch that cannot be read (400) or does not fit the object (422)."""

    def __init__(self, status_code: int, message: str) -> None:
        self.status_code = status_code
        self.message = message
        super().__init__(message)


def json_patch(obj: Obj, ops: Any) -> Obj:
    """RFC 6902."""
    raise NotImplementedError


def merge_patch(obj: Obj, patch: Any) -> Obj:
    """RFC 7386."""
    raise NotImplementedError


def strategic_merge(obj: Obj, patch: Any, schema: Schema) -> Obj:
    """Kubernetes' own: lists merge by key, with $patch directives."""
    raise NotImplementedError
