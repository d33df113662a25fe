"""Structural schemas of custom resources: pruning, defaulting, validation."""

from dataclasses import dataclass

from jx.adapters.local.kubernetes.facts import Obj, Schema


@dataclass(frozen=True)
class FieldError:
    """One wrong field; `str()` is the real server's sentence, the parts are a Status' cause."""

    path: str
    message: str
    reason: str = "FieldValueInvalid"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class CrdValidator:
    """One version's structural schema of a CustomResourceDefinition."""

    def __init__(self, open_api_v3_schema: Obj) -> None:
        raise NotImplementedError

    def prune(self, obj: Obj) -> Obj:
        """The object without the fields that the schema does not name."""
        raise NotImplementedError

    def default(self, obj: Obj) -> Obj:
        """The object with the schema's defaults filled in."""
        raise NotImplementedError

    def validate(self, obj: Obj, old: Obj | None = None) -> list[FieldError]:
        """All mistakes, in the order of the real server."""
        raise NotImplementedError


def unknown_fields(schema: Schema, obj: Obj) -> list[str]:
    """`unknown field "spec.foo"` for each field that the type does not have."""
    raise NotImplementedError
