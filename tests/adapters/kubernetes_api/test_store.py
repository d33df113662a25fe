"""The store: what was acknowledged stays, in one order, and the last changes can be told again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.store import Expired, Key, Store
from jx.adapters.local.kubernetes.types.facts import Obj

PODS = ("", "pods")


def _pod(name: str, **spec: str) -> Obj:
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": "a"}, "spec": spec}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


def test_each_change_gets_the_next_revision(store: Store) -> None:
    first = store.put(PODS, ("a", "x"), _pod("x"))
    second = store.put(PODS, ("a", "x"), _pod("x", node="n"))
    third = store.remove(PODS, ("a", "x"))
    assert [change.type for change in (first, second, third)] == ["ADDED", "MODIFIED", "DELETED"]
    assert [change.new.revision for change in (first, second, third)] == [1, 2, 3]
    assert third.new.obj["metadata"]["resourceVersion"] == "3"
    assert second.new.obj["metadata"]["resourceVersion"] == "2"


def test_entries_of_a_namespace_are_those_of_that_namespace_in_order(store: Store) -> None:
    for namespace in ("a", "ab", "b", "a-"):
        for name in ("2", "1"):
            store.put(PODS, (namespace, name), _pod(name))
    assert [one.obj["metadata"]["name"] for one in store.entries(PODS, "a")] == ["1", "2"]
    assert len(store.entries(PODS)) == 8


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Store(tmp_path / "state.db")
    first.put(PODS, ("a", "x"), _pod("x", node="n"))
    first.put(PODS, ("a", "y"), _pod("y"))
    first.remove(PODS, ("a", "y"))
    first.close()
    again = Store(tmp_path / "state.db")
    found = again.find(PODS, ("a", "x"))
    assert found is not None
    assert found.obj == {
        **_pod("x", node="n"),
        "metadata": {"name": "x", "namespace": "a", "resourceVersion": "1"},
    }
    assert again.find(PODS, ("a", "y")) is None
    assert again.revision == 3
    again.close()


def test_changes_are_told_again_from_any_kept_revision(store: Store) -> None:
    for name in "xyz":
        store.put(PODS, ("a", name), _pod(name))
    assert [change.key[1] for change in store.changes(PODS, 1)] == ["y", "z"]
    assert store.changes(PODS, 3) == []


def test_a_forgotten_revision_is_expired() -> None:
    store = Store(None, history=2)
    for name in "xyz":
        store.put(PODS, ("a", name), _pod(name))
    with pytest.raises(Expired):
        store.changes(PODS, 0)
    assert [change.key[1] for change in store.changes(PODS, 1)] == ["y", "z"]
    store.close()


def test_large_changes_are_forgotten_sooner_but_never_the_last_one() -> None:
    store = Store(None, history_bytes=1000)
    for size in (400, 400, 400, 5000):
        store.put(PODS, ("a", "x"), _pod("x", node="n" * size))
    assert [change.new.revision for change in store.changes(PODS, 3)] == [4]
    with pytest.raises(Expired):
        store.changes(PODS, 2)
    store.close()


def test_changes_are_told_whole_however_long_ago_they_were(store: Store) -> None:
    for number in range(200):
        store.put(PODS, ("a", "x"), _pod("x", step=str(number)))
    store.remove(PODS, ("a", "x"))
    for number in range(200):
        store.put(PODS, ("a", "y"), _pod("y", step=str(number)))
    told = store.changes(PODS, 0)
    assert [change.new.obj["spec"]["step"] for change in told[:200]] == [str(n) for n in range(200)]
    assert [change.old.obj["spec"]["step"] for change in told[1:201] if change.old] == [
        str(n) for n in range(200)
    ]
    assert told[200].new.obj == {
        **_pod("x", step="199"),
        "metadata": {**_pod("x")["metadata"], "resourceVersion": "201"},
    }


def test_changes_before_the_last_start_are_expired(tmp_path: Path) -> None:
    first = Store(tmp_path / "state.db")
    first.put(PODS, ("a", "x"), _pod("x"))
    first.put(PODS, ("a", "y"), _pod("y"))
    first.close()
    again = Store(tmp_path / "state.db")
    assert again.changes(PODS, 2) == []
    with pytest.raises(Expired):
        again.changes(PODS, 1)
    again.close()


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.booleans()), max_size=30), st.integers(0, 30))
def test_a_past_state_and_the_changes_since_give_the_present(steps: list[tuple[str, bool]], cut: int) -> None:
    store = Store(None)
    past: dict[Key, Obj] = {}
    since = 0
    for number, (name, is_put) in enumerate(steps):
        if number == cut:
            past = {key: one.obj for key in _keys(store) if (one := store.find(PODS, key))}
            since = store.revision
        if is_put:
            store.put(PODS, ("a", name), _pod(name, step=str(number)))
        elif store.find(PODS, ("a", name)):
            store.remove(PODS, ("a", name))
    for change in store.changes(PODS, since):
        if change.type == "DELETED":
            del past[change.key]
        else:
            past[change.key] = change.new.obj
    present = {key: one.obj for key in _keys(store) if (one := store.find(PODS, key))}
    assert past == present
    store.close()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.booleans()), max_size=30))
def test_entries_are_in_order_whatever_came_and_went_since_the_last_look(
    steps: list[tuple[str, str, bool]],
) -> None:
    store = Store(None)
    for namespace, name, is_put in steps:
        if is_put:
            store.put(PODS, (namespace, name), {**_pod(name), "metadata": {"name": f"{namespace}/{name}"}})
        elif store.find(PODS, (namespace, name)):
            store.remove(PODS, (namespace, name))
        found = [one.obj["metadata"]["name"] for one in store.entries(PODS)]
        assert found == sorted(found)
        assert len(found) == len({key for key in found if store.find(PODS, (key[0], key[2]))})
    store.close()


def _keys(store: Store) -> list[Key]:
    return [("a", one.obj["metadata"]["name"]) for one in store.entries(PODS)]


_WRITER = """
import sys
from pathlib import Path
from jx.adapters.local.kubernetes.store import Store
store = Store(Path(sys.argv[1]))
for number in range(100000):
    obj = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": str(number)}}
    store.put(("", "pods"), ("", str(number)), obj)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.slow
def test_an_acknowledged_write_survives_the_death_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        acknowledged = [line.strip() for line, _ in zip(writer.stdout, range(200), strict=False)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    store = Store(path)
    present = {one.obj["metadata"]["name"] for one in store.entries(PODS)}
    assert set(acknowledged) <= present
    assert len(present) == store.revision
    store.close()


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    first = Store(tmp_path / "state.db")
    first.put(PODS, ("a", "x"), _pod("x"))
    with pytest.raises(OSError, match="another API server"):
        Store(tmp_path / "state.db")
    first.close()


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"nonsense" * 1000)
    with pytest.raises(OSError, match=r"state\.db is damaged"):
        Store(tmp_path / "state.db")
