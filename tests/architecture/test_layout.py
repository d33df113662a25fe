"""What a machine can guard of the house rules."""

from __future__ import annotations

import re
from pathlib import Path

SRC = Path(__file__).parents[2] / "src" / "jx"


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    found = [path for path in SRC.rglob("*.py") if path.stem in drawers or path.parent.name in drawers]
    assert not found


def test_every_package_says_what_belongs_in_it() -> None:
    silent = [path for path in SRC.rglob("__init__.py") if not path.read_text().startswith('"""')]
    long = [path for path in SRC.rglob("__init__.py") if path.read_text().split('"""')[1].count("\n") > 12]
    assert not silent
    assert not long


def test_no_file_is_longer_than_600_lines() -> None:
    long = {str(path): n for path in SRC.rglob("*.py") if (n := len(path.read_text().splitlines())) > 600}
    assert not long


def test_profiles_are_named_in_wiring_config_and_adapters_only() -> None:
    asks = re.compile(r"""if .*(profile|provider)\s*(==|!=|is|in)\s""")
    places = {"wiring.py", "config", "adapters"}
    found = [
        f"{path}:{number}"
        for path in SRC.rglob("*.py")
        if path.relative_to(SRC).parts[0] not in places
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if asks.search(line)
    ]
    assert not found
