"""Passwords at a real terminal: nobody sees them, and Ctrl-C leaves nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import vaults
from tests.support.platform import Machine
from tests.support.terminal import CTRL_C, at_python, at_terminal

from jx.adapters.vault.store import VaultSecrets

VALUE, OTHER = "hunter2 and-more", "correct-horse"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VaultSecrets]:
    with vaults.embedded_store(tmp_path / "vault") as access:
        made = VaultSecrets(access)
        yield made
        made.close()


@pytest.fixture
def env(store: VaultSecrets, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "machine").mkdir()
    machine = Machine(tmp_path / "machine")
    url = store.name.removeprefix("Vault at ")
    return machine.environment({"VAULT_ADDR": url, "VAULT_TOKEN": vaults.ROOT_TOKEN, "TERM": "dumb"})


def _values(store: VaultSecrets, path: str = "prod/db") -> dict[str, str]:
    found = store.read((path,))
    return dict(found[path].values) if found else {}


def test_a_password_is_asked_twice_and_never_shown(store: VaultSecrets, env: dict[str, str]) -> None:
    with at_terminal("edit", "secret", "prod/db", "--key", "password", env=env) as terminal:
        terminal.expect("prod/db password:")
        assert not terminal.echoes
        terminal.type(f"{VALUE}\n")
        terminal.expect("Repeat for confirmation:")
        terminal.type(f"{VALUE}\n")
        assert terminal.end() == 0, terminal.shown
        assert VALUE not in terminal.shown
        assert terminal.echoes
    assert _values(store) == {"password": VALUE}


def test_two_that_differ_are_asked_for_again(store: VaultSecrets, env: dict[str, str]) -> None:
    with at_terminal("edit", "secret", "prod/db", "--key", "password", env=env) as terminal:
        for second in (OTHER, VALUE):
            terminal.expect("prod/db password:")
            terminal.type(f"{VALUE}\n")
            terminal.expect("Repeat for confirmation:")
            terminal.type(f"{second}\n")
        assert terminal.end() == 0, terminal.shown
        assert VALUE not in terminal.shown
        assert OTHER not in terminal.shown
    assert _values(store) == {"password": VALUE}


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
def test_ctrl_c_at_any_question_leaves_the_store_and_the_terminal_as_they_were(
    store: VaultSecrets, env: dict[str, str], answered: int
) -> None:
    before = store.write("prod/db", {"password": OTHER})
    words = ("edit", "secret", "prod/db", "--key", "password", "--key", "token")
    prompts = ("prod/db password:", "Repeat for confirmation:", "prod/db token:", "Repeat for confirmation:")
    with at_terminal(*words, env=env) as terminal:
        for prompt in prompts[:answered]:
            terminal.expect(prompt)
            terminal.type(f"{VALUE}\n")
        terminal.expect(prompts[answered])
        terminal.type(CTRL_C)
        assert terminal.end() == 130, terminal.shown
        assert "Traceback" not in terminal.shown
        assert VALUE not in terminal.shown
        assert terminal.echoes
    assert store.read(("prod/db",))["prod/db"] == before


def test_what_is_asked_for_a_rotation_is_not_shown_either(store: VaultSecrets, env: dict[str, str]) -> None:
    store.write("prod/db", {"password": OTHER})
    words = ("rotate", "secret", "prod/db", "--key", "password", "--ask", "--no-apply")
    with at_terminal(*words, env=env) as terminal:
        terminal.expect("prod/db password:")
        terminal.type(CTRL_C)
        assert terminal.end() == 130, terminal.shown
        assert terminal.echoes
    assert _values(store) == {"password": OTHER}


ASKS = """\
from jx.cli.prompts import TerminalPrompts
from jx.domain.secrets.questions import Kind, Question

asked = Question(("auth", "password"), Kind.SECRET, "Password", is_required=True, schema={"minLength": 8})
answer = TerminalPrompts({}).ask(asked)
print("answered with", len(answer))
"""


def test_the_password_of_a_chart_is_not_shown_even_where_it_does_not_fit(env: dict[str, str]) -> None:
    with at_python("-c", ASKS, env=env) as terminal:
        terminal.expect("Password (auth.password):")
        assert not terminal.echoes
        terminal.type("tiny-pw\n")
        terminal.expect("it is not as the chart's schema wants it")
        terminal.expect("Password (auth.password):")
        terminal.type(f"{VALUE}\n")
        terminal.expect(f"answered with {len(VALUE)}")
        assert terminal.end() == 0, terminal.shown
        assert "tiny-pw" not in terminal.shown
        assert VALUE not in terminal.shown
        assert terminal.echoes
