"""Images of containers and volumes."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")


def pull_policy_mistakes(policy: str | None, path: str) -> Iterator[FieldError]:
    """When an image is fetched."""
    if not policy:
        yield invalid.required(path)
    elif policy not in _PULL_POLICIES:
        yield invalid.unsupported(path, policy, _PULL_POLICIES)


def padding_mistakes(container: Obj, path: str) -> Iterator[FieldError]:
    """What only a pod itself is refused for: spaces around the name of an image."""
    image = container.get("image") or ""
    if image != image.strip():
        yield invalid.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
