"""Who owns which field: server-side apply, and the managers of plain updates."""

from jx.adapters.local.kubernetes.facts import Obj, Schema

Cause = tuple[str, str, str, str, str, str]
"""manager, apiVersion, subresource, field path, time, operation."""


class ApplyConflict(Exception):
    """Another manager owns fields that this apply would change (HTTP 409, reason Conflict)."""

    def __init__(self, causes: list[Cause]) -> None:
        self.causes = causes
        super().__init__("Apply failed")


def apply(
    live: Obj | None,
    config: Obj,
    *,
    manager: str,
    force: bool,
    schema: Schema,
    api_version: str,
    now: str,
    subresource: str = "",
) -> Obj:
    """The object after a server-side apply, with its metadata.managedFields."""
    raise NotImplementedError


def update(
    live: Obj | None,
    new: Obj,
    *,
    manager: str,
    schema: Schema,
    api_version: str,
    now: str,
    subresource: str = "",
    operation: str = "Update",
) -> Obj:
    """The object of a create, update or patch, with the managers that follow from it."""
    raise NotImplementedError
