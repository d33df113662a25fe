"""Templates of app folders: `<key>/templates/*.yaml`, which Jenkins X 2 copied into the app's own chart.

Here they become templates of the umbrella, `templates/<key>/...`, so that what is fetched stays what was published. `.Values` in
them still means the app's values: a file with template actions is put into a scope in which it does. Two things differ: a file
here is rendered even where the app's condition turns its chart off, and it cannot `define` (a `_name.tpl` beside it can).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from jx.domain.layouts.sections import Mistakes
from jx.domain.names import AppKey
from jx.domain.trees import Blob, Tree

_SUFFIXES = (".yaml", ".yml", ".tpl")
_DEFINE = re.compile(r"\{\{-?\s*define\s")


def move_templates(chart: Tree, keys: Iterable[AppKey], place: str, mistakes: Mistakes) -> Tree:
    """The chart with the templates of its apps' folders below `templates/`; `place` goes before paths in mistakes."""
    apps, moved = frozenset(keys), {}
    for source in chart:
        key, _, path = source.partition("/templates/")
        if key not in apps or not path.endswith(_SUFFIXES):
            continue
        target = f"templates/{key}/{path}"
        if target in chart:
            mistakes.add(place + source, f"{place}{target} is there too; keep one of them")
        text = mistakes.attempt(lambda source=source: chart.text(source), "", where=place + source)  # type: ignore[misc]
        moved[target] = Blob(_in_scope(text, AppKey(key), place + source, mistakes).encode())
    return Tree({**chart.files, **moved})


def _in_scope(text: str, key: AppKey, where: str, mistakes: Mistakes) -> str:
    """All on the first line, so that Helm's messages name the lines of the file."""
    if "{{" not in text or where.endswith(".tpl"):
        return text
    match = _DEFINE.search(text)
    if match is not None:
        line = text.count("\n", 0, match.start()) + 1
        mistakes.add(
            where, "`define` is possible in a file whose name begins with `_` and ends in .tpl only", line
        )
    scope = (
        f'(dict "Values" (index .Values "{key}" | default dict) "Release" .Release "Chart" .Chart '
        '"Capabilities" .Capabilities "Files" .Files "Template" .Template)'
    )
    end = "" if text.endswith("\n") else "\n"
    return f"{{{{- $ := {scope} }}}}{{{{- with $ }}}}{text}{end}{{{{- end }}}}\n"
