"""Which part of a history is meant: by app, person, object; and what to say where that is nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from jx.domain.errors import NotFound
from jx.domain.history import history
from jx.domain.history.history import HistoryEntry

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class HistoryChoice:
    """What was said; empty fields mean any."""

    app: str = ""
    by: str = ""
    """A part of a name, login or address."""
    ref: tuple[str, str, str] | None = None
    """Kind, name and namespace of an object; an empty namespace is any."""

    def holds(self, entry: HistoryEntry) -> bool:
        """Whether an entry is one of those that are meant."""
        return history.is_about(entry, app=self.app, by=self.by, ref=self.ref)

    @property
    def words(self) -> str:
        """For messages: ` of app shop by ann`; empty where all is meant."""
        of = f" of app {self.app}" if self.app else ""
        by = f" by {self.by}" if self.by else ""
        about = f" about {self._object}" if self.ref else ""
        return f"{of}{by}{about}"

    def check(self, entries: Iterable[HistoryEntry]) -> None:
        """NotFound for what is named and stands in none of all entries; its hint names what does."""
        every = tuple(entries)
        if self.app and not any(history.is_about(one, app=self.app) for one in every):
            apps = {name for one in every for name in one.charts}
            raise NotFound(f"no entry is about an app {self.app}", hint=_hint("apps", self.app, apps))
        if self.by and not any(history.is_about(one, by=self.by) for one in every):
            people = {name for one in every for name in history.list_people(one)}
            raise NotFound(f"no entry is by {self.by}", hint=_hint("people", self.by, people))
        if self.ref and not any(history.is_about(one, ref=self.ref) for one in every):
            names = {f"{one.ref.kind}/{one.ref.name}" for entry in every for one in entry.objects}
            kind, name, namespace = self.ref
            near = {one for one in names if one.casefold().startswith(f"{kind.casefold()}/")}
            by_name = {one for one in names if one.endswith(f"/{name}")}
            space = f" in namespace {namespace}" if namespace else ""
            raise NotFound(
                f"no entry is about an object {kind}/{name}{space}",
                hint=_hint("objects", f"{kind}/{name}", near or by_name or names),
            )

    @property
    def _object(self) -> str:
        kind, name, namespace = self.ref or ("", "", "")
        return f"{kind}/{name}{f' in namespace {namespace}' if namespace else ''}"


def _hint(what: str, said: str, known: set[str]) -> str:
    """Those that are there, the likely ones first."""
    likely = difflib.get_close_matches(said, sorted(known), n=3)
    ordered = [*likely, *sorted(known - set(likely))]
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return f"{what} on record: {', '.join(ordered[:_SHOWN])}{more}" if ordered else "nothing is on record yet"
