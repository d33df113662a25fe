"""Catalogs: which entry of a chart repository a reference means, and what to say when it is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from jx.domain.charts.charts import ChartRef, ChartVersion
from jx.domain.charts.version_ranges import find_newest, newest_first
from jx.domain.errors import NotFound

SHOWN = 5
"""How many names or versions a message shows."""


def order_versions(versions: Iterable[ChartVersion]) -> tuple[ChartVersion, ...]:
    """Newest first; of entries with the same version the first one counts, as in Helm."""
    by_version: dict[str, ChartVersion] = {}
    for version in versions:
        by_version.setdefault(version.version, version)
    return tuple(by_version[text] for text in newest_first(by_version))


def pick_version(ref: ChartRef, versions: tuple[ChartVersion, ...]) -> ChartVersion:
    """The newest of a chart's versions that the reference allows; NotFound shows which there are."""
    best = find_newest((version.version for version in versions), ref.version)
    if best is None:
        raise version_not_found(ref, tuple(version.version for version in versions))
    return next(version for version in versions if version.version == best)


def version_not_found(ref: ChartRef, versions: tuple[str, ...]) -> NotFound:
    """The error for a chart that is there, but not in that version."""
    near = difflib.get_close_matches(ref.version, versions, n=SHOWN, cutoff=0.5)
    shown = list(dict.fromkeys([*near[:2], *newest_first(versions)]))[:SHOWN]
    more = f" and {len(versions) - len(shown)} more" if len(versions) > len(shown) else ""
    return NotFound(
        f"there is no version {ref.version or '(any)'} of chart {ref.name}{_place(ref)}",
        hint=f"there are {', '.join(shown)}{more}" if shown else "it has no versions",
    )


def chart_not_found(ref: ChartRef, names: Iterable[str]) -> NotFound:
    """The error for a chart that a repository does not have, with the nearest names that it has."""
    known = sorted(set(names))
    near = difflib.get_close_matches(ref.name, known, n=SHOWN, cutoff=0.5) or [
        name for name in known if ref.name in name or name in ref.name
    ]
    if near:
        hint = f"did you mean {' or '.join(near[:SHOWN])}?"
    elif known:
        hint = f"it has {len(known)} charts: {', '.join(known[:SHOWN])}" + (
            ", ..." if len(known) > SHOWN else ""
        )
    else:
        hint = "it has no charts at all; is the address right?"
    return NotFound(f"there is no chart {ref.name}{_place(ref)}", hint=hint)


def _place(ref: ChartRef) -> str:
    return f" in {ref.repository}" if ref.repository else ""
