"""Verify secrets: whether everything that is referred to is there, or will be made."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.errors import NotFound, Unavailable
from jx.domain.events import Event
from jx.domain.names import EnvironmentName
from jx.domain.trees import Tree
from jx.ports.reporter import Reporter
from jx.usecases.propose_change import PlatformAt
from jx.usecases.secrets.show_secrets import Presence, ShownSecret, ShowSecrets


@dataclass(frozen=True, slots=True)
class VerifySecrets:
    """Reads only. A value is looked for, never looked at."""

    show: ShowSecrets
    reporter: Reporter

    def of_platform(self, at: PlatformAt, *, environment: str = "") -> None:
        """Of the branches of all environments, or of one. Raises as `of_folder`, and NotFound for an unknown environment."""
        self._judge(self.show(at, environment=environment))

    def of_folder(self, tree: Tree, environment: EnvironmentName | None = None) -> None:
        """Of files as they are, as in the pipeline of a pull request. NotFound names each that is missing; Unavailable where a
        store does not tell."""
        self._judge(self.show.of_folder(tree, environment))

    def _judge(self, rows: tuple[ShownSecret, ...]) -> None:
        used = [row for row in rows if row.users]
        missing = [row for row in used if row.presence is Presence.MISSING]
        if missing:
            first = missing[0].reference
            lines = [f"{user}: {row.reference} is missing" for row in missing for user in row.users]
            raise NotFound(
                f"{len(missing)} secret{'s are' if len(missing) > 1 else ' is'} missing:\n"
                + "\n".join(lines),
                hint=f"jx edit secret {first.path} --key {first.key}",
            )
        unknown = [row for row in used if row.presence is Presence.UNKNOWN]
        if unknown:
            raise Unavailable(f"{unknown[0].reference}: {unknown[0].reason}")
        made = sum(row.presence is Presence.TO_BE_MADE for row in used)
        there = len(used) - made
        words = [f"{there} there"] if there or not made else []
        words += [f"{made} to be made"] if made else []
        self.reporter.tell(Event(f"no secret is missing: {', '.join(words)}"))
