"""Runs the benchmarks that are named, or all, and prints their figures.

python -m benchmarks [NAME...] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from benchmarks.report import Report

MODULES = ("kubernetes_api", "apply", "changes", "rescue", "pipelines", "runner", "secrets", "history")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MODULES], help="the benchmarks to run (all)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    report = Report()
    for name in options.names or MODULES:
        report.begin(name)
        importlib.import_module(f"benchmarks.{name}").run(report)
    report.print()
    if options.json:
        options.json.write_text(json.dumps(report.plain(), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
