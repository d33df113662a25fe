"""Helm's own errors, as ours: where the mistake is and what Helm says of it, short, and without anybody's values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jx.adapters.helm.engine import EngineError
from jx.domain.errors import Failed, Invalid, JxError, Problem

_SCREEN = 600
"""Characters of a reason that are shown."""
_PROBLEMS = 20
_PLACE = re.compile(r"(?P<file>[\w.+@-]+(?:/[\w.+@ -]+)+\.\w+):(?P<line>\d+)(?::\d+)?")
_LOADING = re.compile(r"cannot (?:load|unmarshal) (?P<file>[\w./-]+\.ya?ml)")
_YAML_LINE = re.compile(r"yaml: line (?P<line>\d+)")
_SECRET_KEY = re.compile(r"pass|secret|token|key|credential|auth|hmac|cert", re.IGNORECASE)
_TEMPLATE = re.compile(r"([\w./-]+/templates/[\w./ -]+\.\w+)")
_HIDDEN = "(value)"
_LONG = 8
"""Characters from which on a secret is no ordinary word."""


def explain(error: EngineError, values: Mapping[str, Any]) -> JxError:
    """Our error for Helm's. `values` are all that might be quoted in it."""
    text = _without_values(error.message, values)
    match error.kind:
        case "HelmValuesError" if "schema" in text:
            return Invalid(
                "values do not meet the schema of their chart",
                *_violations(text),
                hint="correct them in the app's values.yaml; `jx edit app NAME --set` does it as a pull request",
            )
        case "HelmPanicError" | "HelmLibraryError" | "HelmInvalidHandleError":
            return Failed(f"Helm's engine failed: {_shortened(text)}", hint="this is no fault of the chart")
        case "HelmChartLoadError" | "HelmChartInvalidError" | "HelmValuesError":
            return Invalid("Helm cannot read the chart", _load_problem(text))
        case _:
            return Invalid("a chart does not render", _template_problem(text))


def _violations(text: str) -> list[Problem]:
    """`redis:` begins the lines of a chart; each line with a dash is a violation."""
    chart = ""
    problems = []
    for line in text.splitlines()[1:]:
        if line.startswith("- "):
            problems.append(Problem(f"values of {chart}", _shortened(line[2:].replace("at '': ", ""))))
        elif line.endswith(":") and " " not in line:
            chart = line[:-1]
        elif line.strip():
            problems.append(Problem(f"values.schema.json of {chart}", _shortened(line)))
    left = len(problems) - _PROBLEMS
    return [*problems[:_PROBLEMS], *([Problem("", f"... and {left} more")] if left > 0 else [])]


def _load_problem(text: str) -> Problem:
    place = _LOADING.search(text)
    line = _YAML_LINE.search(text)
    return Problem(place["file"] if place else "", _shortened(text), int(line["line"]) if line else None)


def _template_problem(text: str) -> Problem:
    """The innermost place that Helm names is where the mistake is; those before it say how one got there."""
    places = [place for place in _PLACE.finditer(text) if "/" in place["file"]]
    if not places:
        return Problem("", _shortened(text))
    last = places[-1]
    reason = text[last.end() :].lstrip("):,\n ").strip() or text
    return Problem(last["file"], _shortened(reason), int(last["line"]))


def _shortened(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= _SCREEN else f"{whole[: _SCREEN // 2]} ... {whole[-_SCREEN // 2 :]}"


def _without_values(text: str, values: Mapping[str, Any]) -> str:
    """Secrets are taken out wherever they stand, but for short ones within words; other values where they are quoted. Paths of
    templates stay."""
    leaves = sorted(
        _leaves(values), key=lambda leaf: len(leaf[1]), reverse=True
    )  # or a part of one would stay
    parts = _TEMPLATE.split(text)
    parts[::2] = [_masked(part, leaves) for part in parts[::2]]
    return "".join(parts)


def _masked(text: str, leaves: list[tuple[bool, str]]) -> str:
    for is_secret, value in leaves:
        if is_secret and len(value) >= _LONG:
            text = text.replace(value, _HIDDEN)
        elif is_secret and len(value) > 2:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", _HIDDEN, text)
        elif value.strip():
            text = text.replace(f"'{value}'", _HIDDEN).replace(f'"{value}"', _HIDDEN)
    return text


def _leaves(value: Any, *, is_secret: bool = False) -> Iterator[tuple[bool, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, is_secret=is_secret or bool(_SECRET_KEY.search(str(key))))
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one, is_secret=is_secret)
    elif isinstance(value, str):
        yield is_secret, value
    elif is_secret and isinstance(value, (int, float)) and not isinstance(value, bool):
        yield True, str(value)
