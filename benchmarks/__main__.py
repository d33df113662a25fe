"""Runs the benchmarks that are named, or all, and prints their figures.

python -m benchmarks [NAME...] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks.report import Report

MODULES = (
    "starts",
    "kubernetes_api",
    "apply",
    "changes",
    "merges",
    "rescue",
    "pipelines",
    "runner",
    "first_lines",
    "secrets",
    "history",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MODULES], help="the benchmarks to run (all)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    report = Report()
    begin, load = time.monotonic(), os.getloadavg()[0]
    failed = [name for name in options.names or MODULES if not _run(name, report)]
    minutes = (time.monotonic() - begin) / 60
    report.note(
        f"{minutes:.0f} minutes on {len(os.sched_getaffinity(0))} processors; programs ready to run: {load:.1f} before, "
        f"{os.getloadavg()[0]:.1f} at the end. Python {platform.python_version()}, {platform.system()} {platform.release()}."
    )
    report.print()
    if options.json:
        options.json.write_text(json.dumps(report.plain(), indent=1) + "\n")
    return 1 if failed else 0


def _run(name: str, report: Report) -> bool:
    """One subject; whatever fails in it is told with the figures, and the others go on."""
    report.begin(name)
    try:
        importlib.import_module(f"benchmarks.{name}").run(report)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an hour of other figures must not be lost with it
        report.note(f"{name} FAILED: {str(error) or repr(error)}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
