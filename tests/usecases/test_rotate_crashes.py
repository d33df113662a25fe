"""A rotation that dies at any point, or meets another one: in the end store, cluster and pods agree, all else is as it was."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.support.fuses import Crash, Fuse
from tests.support.worlds import ANN, DEV, World, deployment, environment_tree, secret

from jx.adapters.local.fixed_clock import FixedClock
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.ledger.secret_writes import Deed, Ending
from jx.domain.objects.references import Scheme
from jx.domain.secrets.secret_readers import ANNOTATION
from jx.usecases.planning.record_secrets import RecordSecrets
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.secrets.edit_secret import EditSecret
from jx.usecases.secrets.find_secret_users import FindSecretUsers
from jx.usecases.secrets.rotate_secret import Rotated, RotateSecret, RotateSecretRequest

OLD, OTHER = "0ldPassword12", "0therPassword"
GIVEN: dict[str, Any] = {"values": {"password": "GivenByHand1"}}
MADE: dict[str, Any] = {"keys": ("password",)}


def _reader(name: str, read: str) -> dict[str, Any]:
    body = deployment(name, "web:1")
    body["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": read}}]
    return body


def _world() -> World:
    stored = {"dev/db": {"password": OLD}, "dev/other": {"password": OTHER}}
    world = World(secrets=MemorySecrets(stored))
    world.offer(
        "shop",
        "1.0.0",
        secret("db", {"password": "{{ .Values.password }}"}),
        secret("other", {"password": "{{ .Values.other }}"}),
        _reader("web", "db"),
        _reader("api", "db"),
        _reader("mail", "other"),
        deployment("plain", "plain:1"),
    )
    values = "password: vault:dev/db:password\nother: vault:dev/other:password\n"
    world.commit(environment_tree({"shop": "1.0.0"}, files={"env/shop/values.yaml": values}))
    assert world.apply_head().is_good
    return world


def _same(port: Any) -> Any:
    return port


def _rotate(
    world: World, wrap: Callable[[Any], Any] = _same, holder: str = "ann@here", **how: Any
) -> Rotated:
    forge = MemoryForge(world.repos, ANN)
    forge.adopt(world.repo)
    repos = wrap(world.repos)
    record = RecordSecrets(wrap(world.secret_log), world.cluster.whoami, world.clock, world.reporter)
    rotate = RotateSecret(
        EditSecret({Scheme.VAULT: wrap(world.secrets)}, world.reporter, record),
        FindSecretUsers(ProposeChange(repos, wrap(forge), world.reporter), repos),
        world.generator,
        world.use_case(wrap),
    )
    return rotate(RotateSecretRequest(PlatformAt(world.repo), "dev/db", holder, **how))


def _calls(how: dict[str, Any]) -> int:
    fuse = Fuse()
    _rotate(_world(), fuse.wrap, **how)
    return fuse.calls


def _mark(world: World, name: str) -> str:
    body = world.get("Deployment", name)
    assert body is not None
    return str((body["spec"]["template"]["metadata"].get("annotations") or {}).get(ANNOTATION, ""))


def _version(world: World, kind: str, name: str) -> int:
    """Counts changes of the whole cluster: a higher one is a later one."""
    body = world.get(kind, name)
    assert body is not None
    return int(body["metadata"]["resourceVersion"])


def _check(world: World) -> None:
    """The store's value is in the cluster, whoever reads it started anew for just that, and nobody else did."""
    kept = world.secrets.read(("dev/db",))["dev/db"]
    body = world.get("Secret", "db")
    assert body is not None
    data, strings = body.get("data") or {}, body.get("stringData") or {}
    live = strings.get("password") or base64.b64decode(data["password"]).decode()
    assert live == kept.values["password"] != OLD
    for reader in ("web", "api"):
        assert _mark(world, reader).startswith("Secret/db@")
        assert _version(world, "Deployment", reader) > _version(world, "Secret", "db")
    assert [_mark(world, name) for name in ("mail", "plain")] == ["", ""]
    assert world.secrets.read(("dev/other",))["dev/other"].values == {"password": OTHER}
    *_, last = world.secret_log.list_all()
    assert last.deed is Deed.ROTATED
    # One that was killed right after its write stays as begun: nobody can say more of it than the store.
    assert (last.ending, last.version) in {(Ending.DONE, kept.version), (Ending.BEGUN, "")}
    before = len(world.cluster.writes())
    assert not world.apply_head().plan.has_changes
    assert len(world.cluster.writes()) == before


@pytest.mark.parametrize("how", [MADE, GIVEN], ids=["made", "given"])
def test_a_rotation_that_is_killed_anywhere_is_finished_by_the_next_one(how: dict[str, Any]) -> None:
    for at in range(_calls(how) + 1):  # after each call; before the first one is after none
        world = _world()
        with pytest.raises(Crash):
            _rotate(world, Fuse(max(at, 1), after=at > 0).wrap, **how)
        world.clock.move(timedelta(minutes=10))  # its lock runs out
        rotated = _rotate(world, holder="ann@there", **how)
        assert (rotated.has_failed, rotated.left) == (False, ()), at
        _check(world)
        mark = f"Secret/db@{_version(world, 'Secret', 'db')}"
        assert [_mark(world, name) for name in ("web", "api")] == [mark, mark]


def test_a_rotation_that_was_done_is_not_done_again_for_the_same_value() -> None:
    world = _world()
    _rotate(world, **GIVEN)
    marks = [_mark(world, name) for name in ("web", "api")]
    again = _rotate(world, **GIVEN)
    assert (again.objects, again.rolled) == ((), ())
    assert [_mark(world, name) for name in ("web", "api")] == marks
    assert world.secrets.read(("dev/db",))["dev/db"].version == "2"


class _Meeting:
    """Ports at one of whose calls something else happens first."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.calls = 0
        self._at, self._act = at, act

    def wrap(self, port: Any) -> Any:
        return _Met(port, self)

    def pass_by(self) -> None:
        self.calls += 1
        if self.calls == self._at:
            self._act()


class _Met:
    def __init__(self, port: Any, meeting: _Meeting) -> None:
        self._port, self._meeting = port, meeting

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._meeting.pass_by()
            return found(*args, **kwargs)

        return call


def test_of_two_rotations_at_once_the_later_value_is_everywhere() -> None:
    for at in range(1, _calls(MADE) + 1):
        world = _world()
        mine, other = _both(world, at)
        assert not mine.has_failed
        if other.has_failed:  # it came while this one applied, and did not wait
            assert other.left[0].startswith("dev: "), other.left
            assert not _rotate(world, holder="bob@there", **GIVEN).left
        _check(world)


class _Releasing(FixedClock):
    """While somebody waits, whoever has the lock gives it back."""

    def __init__(self, release: Callable[[], None]) -> None:
        super().__init__()
        self._release = release
        self.waits = 0

    def wait(self, duration: timedelta) -> bool:
        self.waits += 1
        if self.waits == 2:
            self._release()
        return super().wait(duration)


def test_a_rotation_waits_for_an_apply_that_is_under_way() -> None:
    world = _world()
    grip = world.locks.acquire(DEV, holder="controller-1", lease=timedelta(minutes=1))
    clock = _Releasing(lambda: world.locks.release(grip))
    clock.move(world.clock.elapsed())
    world.clock = clock
    rotated = _rotate(world, **MADE)
    assert (rotated.has_failed, rotated.left) == (False, ())
    assert clock.waits == 2
    assert "controller-1" in world.reporter.text
    _check(world)


def test_a_rotation_that_has_waited_long_enough_says_who_is_at_it() -> None:
    world = _world()
    world.locks.acquire(DEV, holder="controller-1", lease=timedelta(hours=1))
    rotated = _rotate(world, timeout=timedelta(seconds=4), **MADE)
    assert rotated.has_failed
    assert "controller-1" in rotated.left[0]


def _both(world: World, at: int) -> tuple[Rotated, Rotated]:
    """A rotation, and another one that is run whole at one of its calls."""
    other: list[Rotated] = []
    meeting = _Meeting(
        at, lambda: other.append(_rotate(world, holder="bob@there", timeout=timedelta(), **GIVEN))
    )
    return _rotate(world, meeting.wrap, **MADE), other[0]
