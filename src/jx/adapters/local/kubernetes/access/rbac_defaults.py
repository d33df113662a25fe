"""The roles and bindings that every cluster starts with, as `scripts/make_roles.py` has found them on a real one."""

from __future__ import annotations

import gzip
import importlib.resources

import orjson

from jx.adapters.local.kubernetes.types.facts import Obj


def objects() -> list[Obj]:
    """All of them, roles before what binds them."""
    packed = importlib.resources.files(__package__).joinpath("roles.json.gz").read_bytes()
    found: list[Obj] = orjson.loads(gzip.decompress(packed))
    return found
