"""Defaults, canonical forms and rules of the built-in kinds, as the real server has them."""

from jx.adapters.local.kubernetes.facts import Gvk, Obj
from jx.adapters.local.kubernetes.schemas import FieldError


def default(gvk: Gvk, obj: Obj) -> Obj:
    """A copy of the object with the defaults of its kind, quantities in canonical form."""
    raise NotImplementedError


def validate(gvk: Gvk, obj: Obj, old: Obj | None) -> list[FieldError]:
    """All mistakes of a create (`old` is None) or an update."""
    raise NotImplementedError
