"""Complete a recall: put values in place of what the ledger masks, from what is at hand. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jx.domain.applying.applying import InventoryItem, LiveObject
from jx.domain.applying.drawn_groups import DrawnGroup
from jx.domain.errors import JxError
from jx.domain.events import Event, Level
from jx.domain.ledger import recalls
from jx.domain.ledger.recalls import Completed, Recall
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.references import Reference
from jx.ports.reporter import Reporter
from jx.usecases.planning.resolve_secrets import ResolveSecrets


@dataclass(frozen=True, slots=True)
class CompleteRecall:
    """The store is asked only for what neither snapshot nor cluster have, and nothing is made in it. Where it cannot be read,
    what it alone knows stays open."""

    secrets: ResolveSecrets | None
    reporter: Reporter

    def __call__(
        self,
        recall: Recall,
        *,
        live: Mapping[ObjectRef, LiveObject],
        inventory: Iterable[InventoryItem],
        drawn: Iterable[DrawnGroup] = (),
    ) -> tuple[Completed, ...]:
        """Every object, whole or with the reason why it is not."""
        items = {item.ref: item for item in inventory}
        draws = {place: values for group in drawn for place, values in group.values.items()}

        def complete(values: Mapping[Reference, str]) -> tuple[Completed, ...]:
            return tuple(
                recalls.complete(
                    one,
                    kept=recall.kept.get(one.ref),
                    live=live.get(one.ref),
                    item=items.get(one.ref),
                    values=values,
                    drawn=draws,
                )
                for one in recall.objects
            )

        completed = complete({})
        if any(one.why_not for one in completed) and recall.references:
            completed = complete(self._read(recall))
        self._tell_all(recall, completed)
        return completed

    def _read(self, recall: Recall) -> Mapping[Reference, str]:
        if self.secrets is None:
            return {}
        values: dict[Reference, str] = {}
        for scheme in dict.fromkeys(one.scheme for one in recall.references):
            wanted = [one for one in recall.references if one.scheme is scheme]
            try:
                values |= self.secrets(wanted, {}).values
            except JxError as error:
                self._tell(f"{scheme}: is not read: {error.message}", Level.WARNING)
        return values

    def _tell_all(self, recall: Recall, completed: tuple[Completed, ...]) -> None:
        origins = Counter(one.origin for one in completed if one.origin and not one.why_not)
        filled = ", ".join(f"{count} from {origin}" for origin, count in sorted(origins.items()))
        words = f"{len(completed)} objects recalled from {recall.name or 'the ledger'}"
        self._tell(f"{words}; values of secrets: {filled}" if filled else words)
        for one in completed:
            if one.why_not:
                self._tell(f"{one.manifest.ref} is left untouched: {one.why_not}", Level.WARNING)

    def _tell(self, message: str, level: Level = Level.INFO) -> None:
        self.reporter.tell(Event(message, level))
