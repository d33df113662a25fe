"""Label and field selectors."""

from collections.abc import Callable, Mapping
from typing import Any

from jx.adapters.local.kubernetes.facts import Obj


class SelectorError(ValueError):
    """A selector that cannot be read (HTTP 400)."""


def parse_labels(text: str) -> Callable[[Mapping[str, str]], bool]:
    """A predicate on labels."""
    raise NotImplementedError


def parse_fields(text: str) -> Callable[[Obj], bool]:
    """A predicate on objects."""
    raise NotImplementedError


def matches_label_selector(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether labels match a LabelSelector; none matches nothing, an empty one all."""
    raise NotImplementedError
