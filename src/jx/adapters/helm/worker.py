"""The process that holds Helm's engine: a chart's folder and options in, what it renders to out, one JSON text a line.

It is started by `jx.adapters.helm.engine` and ends with its standard input. It stands apart because the engine is a large
library with a run-time of its own, which must not be forked, shared between threads, or trusted never to die.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import IO, Any

_MEMORY = 2 << 30
"""Bytes of data. Templates can ask for any amount; a process that asks for more than this ends, and takes nothing with it."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    # Nothing but answers may reach the pipe that the parent reads, whatever the library prints.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with answers:
        _serve(sys.stdin.buffer, answers)


def _serve(requests: IO[bytes], answers: IO[str]) -> None:
    for line in requests:
        json.dump(_answer(json.loads(line)), answers)
        answers.write("\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from helm_python.errors import HelmError

    try:
        return _render(request)
    except HelmError as error:
        return {"error": type(error).__name__, "detail": str(error)}


def _render(request: dict[str, Any]) -> dict[str, Any]:
    # The binding's own `render` does not pass on the cluster's version and APIs, though the library takes them. A chart is loaded
    # for every render, since rendering changes it: subcharts that a condition turns off are gone afterwards. That is used here:
    # what is left is what took part.
    from helm_python import Chart, _native

    with Chart.load(request["folder"]) as chart:
        rendered = _native.call_string(
            "helm_render", chart._raw(), json.dumps(request["values"]), json.dumps(request["options"])
        )
        return {
            "files": json.loads(rendered),
            "crds": [[crd["filename"], crd["data"]] for crd in chart.crds],
            "subcharts": [subchart["name"] for subchart in chart.dependencies],
        }


if __name__ == "__main__":
    main()
