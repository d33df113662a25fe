"""Credentials in memory."""

from __future__ import annotations

from collections.abc import Mapping


class MemoryCredentials:
    """ports.credentials.Credentials in memory."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, str], dict[str, str]] = {}

    def ensure(
        self, namespace: str, name: str, values: Mapping[str, str], *, keep: bool
    ) -> Mapping[str, str]:
        there = self._stored.get((namespace, name), {})
        self._stored[namespace, name] = {**values, **there} if keep else dict(values)
        return dict(self._stored[namespace, name])

    def remove(self, namespace: str, name: str) -> bool:
        return self._stored.pop((namespace, name), None) is not None
