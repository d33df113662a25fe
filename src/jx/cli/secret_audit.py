"""The audit of secrets as a table or a document."""

from __future__ import annotations

from datetime import UTC

from jx.cli import output
from jx.domain.ledger.secret_writes import Ending, SecretWrite


def show(rows: tuple[SecretWrite, ...], form: str | None) -> None:
    """Print what was done to secrets, newest first."""
    if form:
        output.document([_plain(one) for one in rows], form)
    elif rows:
        output.table(
            ("AT", "BY", "DID", "SECRET", "VERSION", "FOR"),
            [
                (
                    one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    one.by,
                    one.deed.value if one.ending is Ending.DONE else f"{one.deed.value}: {one.ending.value}",
                    f"{one.place} {','.join(one.keys)}".rstrip(),
                    one.version,
                    one.purpose,
                )
                for one in rows
            ],
        )
    else:
        output.hint("No apply used a secret, and nobody wrote one.")


def _plain(one: SecretWrite) -> dict[str, object]:
    return {
        "at": one.at.astimezone(UTC).isoformat(),
        "by": one.by,
        "did": one.deed.value,
        "secret": one.place,
        "keys": list(one.keys),
        "version": one.version,
        "for": one.purpose,
        "ending": one.ending.value,
    }
