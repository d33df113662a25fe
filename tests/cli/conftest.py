"""Platforms for the tests of the command line, and the golden files of what people read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.golden import check_golden
from tests.support.platform import Machine, install, machine_at

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="Write tests/cli/golden/*.txt anew.")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One installed platform with ann and bob; tests that share it leave it up, without holds. Its controllers apply: what these
    tests are about is the same with runs, which `test_pipelines.py` and the journeys are about, and takes less time so."""
    with machine_at(tmp_path_factory.mktemp("platform")) as machine:
        install(machine, "--tekton=false")
        yield machine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A platform whose merges are applied by runs, and one merge that was."""
    with machine_at(tmp_path_factory.mktemp("engine")) as machine:
        install(machine)
        machine.merge(
            machine.jx("add", "app", "redis", "--version", "1.0.0", user="ann").ok().pull, timeout=120
        )
        yield machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine with nothing on it."""
    with machine_at(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with golden/NAME.txt, or write it there with --renew-golden."""
    renew = bool(request.config.getoption("--renew-golden", default=False))
    return lambda name, text: check_golden(GOLDEN / f"{name}.txt", text, renew=renew)
