"""What a machine can guard of the house rules (style.md has the reasons)."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jx.domain
from jx.cli import exit_codes
from jx.cli.tree import ROWS
from jx.domain import errors

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "jx"
SOURCES = sorted(SRC.rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [path for path in SOURCES if path.stem in drawers or path.parent.name in drawers]


def test_every_package_says_what_belongs_in_it_and_briefly() -> None:
    packages = [path for path in SOURCES if path.name == "__init__.py"]
    assert not [path for path in packages if not path.read_text().startswith('"""')]
    assert not [path for path in packages if path.read_text().split('"""')[1].count("\n") > 12]


def test_no_file_is_longer_than_600_lines() -> None:
    assert not {str(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 600}


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{path}:{one.lineno} {one.name}": one.end_lineno - one.lineno
        for path in SOURCES
        for one in functions(path)
        if one.end_lineno and one.end_lineno - one.lineno > 60 and not one.name.startswith("create_app")
    }
    assert not long


def test_profiles_are_asked_about_in_wiring_config_and_adapters_only() -> None:
    asks = re.compile(r"""if .*(profile|provider|is_local)\s*(==|!=|is|in)\s*["'(]""")
    places = {"wiring.py", "outside.py", "config", "adapters"}
    assert not [
        f"{path}:{number}"
        for path in SOURCES
        if path.relative_to(SRC).parts[0] not in places
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if asks.search(line)
    ]


def test_values_of_the_domain_are_frozen() -> None:
    for module in pkgutil.walk_packages(jx.domain.__path__, "jx.domain."):
        for name, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if dataclasses.is_dataclass(found) and found.__module__ == module.name:
                assert found.__dataclass_params__.frozen, f"{module.name}.{name}"  # type: ignore[attr-defined]


def test_every_error_has_an_exit_code() -> None:
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.JxError)
    ]
    codes = {kind.__name__: exit_codes.code_of(kind("x")) for kind in kinds if kind is not errors.JxError}
    assert codes["Stale"] == codes["Locked"] == 10
    assert codes["Held"] == codes["Refused"] == 3
    assert set(codes.values()) <= {1, 2, 3, 4, 5, 10}


def test_a_port_has_at_most_seven_methods() -> None:
    for path in (SRC / "ports").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                methods = [
                    one for one in node.body if isinstance(one, ast.FunctionDef) and not one.decorator_list
                ]
                assert len(methods) <= 7, f"{path.name}: {node.name}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.words)
def test_every_command_of_the_table_is_there_with_help_and_examples(row: object) -> None:
    from jx.cli.tree import Row, load

    assert isinstance(row, Row)
    command = load(row)
    assert command.help
    if not row.hidden:
        assert "Examples:" in command.help


def test_a_command_module_is_short() -> None:
    commands = (SRC / "cli" / "commands").glob("*.py")
    assert not {path.name: n for path in commands if (n := len(path.read_text().splitlines())) > 80}


def test_words_are_unique_among_names_and_aliases() -> None:
    for prefix in {row.words.rpartition(" ")[0] for row in ROWS}:
        rows = [row for row in ROWS if row.words.rpartition(" ")[0] == prefix]
        words = [row.words.rpartition(" ")[2] for row in rows] + [
            alias for row in rows for alias in row.aliases
        ]
        assert len(words) == len(set(words)), prefix


def test_help_imports_no_adapter_and_no_use_case() -> None:
    program = (
        "import sys; from jx.cli.main import main\n"
        "assert main(['--help']) == 0\n"
        "heavy = ('jx.adapters', 'jx.usecases', 'jx.wiring', 'jx.outside', 'yaml')\n"
        "print(*[name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
