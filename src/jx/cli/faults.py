"""Faults of ours: a report that a person can paste, and one short message."""

from __future__ import annotations

import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence

from jx import __version__
from jx.cli import exit_codes

_SECRET = re.compile(r"(?i)(token|password|secret|authorization|bearer)([\"']?\s*[:=]\s*|\s+)\S+")


def report(words: Sequence[str]) -> int:
    """Write the report of the current exception and say where it is; the exit code."""
    text = "".join(traceback.format_exc())
    lines = [
        f"jx {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"jx {' '.join(words)}",
        "",
        text,
    ]
    body = _SECRET.sub(r"\1\2***", "\n".join(lines))
    error = sys.exc_info()[1]
    masked = _SECRET.sub(r"\1\2***", str(error))[:300]
    sys.stderr.write(f"error: jx itself failed: {type(error).__name__}: {masked}\n")
    try:
        with tempfile.NamedTemporaryFile("w", prefix="jx-fault-", suffix=".txt", delete=False) as file:
            file.write(body)
        sys.stderr.write(f"hint: this is a fault of jx; please report it with {file.name}\n")
    except OSError:
        sys.stderr.write(body)
    return exit_codes.FAULT
