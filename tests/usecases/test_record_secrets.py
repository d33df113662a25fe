"""Who wrote which secret, and for which commit it was used, is on record; what it was, is not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.support.fuses import Crash
from tests.support.worlds import ANN, World, environment_tree, secret

from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import Forbidden, NotFound, Unavailable
from jx.domain.ledger.secret_writes import Deed, Ending, SecretWrite
from jx.domain.ledger.trailers import list_trailers
from jx.domain.objects.references import Scheme
from jx.ports.secrets import Secret
from jx.usecases.planning.resolve_secrets import UNCOUNTED
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.secrets.edit_secret import EditSecret, EditSecretRequest
from jx.usecases.secrets.show_secret_audit import ShowSecretAudit

VALUE = "hunter2-and-more"


@pytest.fixture
def world() -> World:
    world = World(secrets=MemorySecrets({"dev/db": {"password": VALUE}}))
    world.offer("shop", "1.0.0", secret("db", {"password": "{{ .Values.password }}"}))
    return world


def _edit(world: World, **changes: object) -> None:
    request = EditSecretRequest("dev/db", **changes)  # type: ignore[arg-type]
    EditSecret({Scheme.VAULT: world.secrets}, world.reporter, world.record)(request)


def _commit(world: World, password: str = "vault:dev/db:password") -> str:
    tree = environment_tree({"shop": "1.0.0"})
    return str(world.commit(tree.put("env/shop/values.yaml", f"password: {password}\n")))


def _audit(world: World, environment: str = "") -> tuple[SecretWrite, ...]:
    forge = MemoryForge(world.repos, ANN)
    forge.adopt(world.repo)
    propose = ProposeChange(world.repos, forge, world.reporter)
    show = ShowSecretAudit(propose, world.repos, world.secret_log)
    return show(PlatformAt(world.repo), environment=environment)


def _trailers(world: World, name: str) -> list[str]:
    return [text for key, text in list_trailers(world.ledger_commits()[-1].message) if key == name]


def test_a_write_says_who_what_and_why_and_what_came_of_it(world: World) -> None:
    _edit(world, values={"password": "new-" + VALUE})
    (one,) = world.secret_log.list_all()
    assert (one.by, one.deed, one.place, one.keys) == (
        world.cluster.whoami(),
        Deed.SET,
        "vault:dev/db",
        ("password",),
    )
    assert (one.version, one.ending, one.purpose) == ("2", Ending.DONE, "jx edit secret")
    assert VALUE not in repr(one)


def test_what_is_taken_away_is_on_record_too(world: World) -> None:
    _edit(world, is_gone=True)
    with pytest.raises(NotFound):
        _edit(world, is_gone=True)
    assert [(one.deed, one.ending) for one in world.secret_log.list_all()] == [
        (Deed.REMOVED, Ending.DONE),
        (Deed.REMOVED, Ending.REFUSED),
    ]


def test_what_is_so_already_is_no_write(world: World) -> None:
    _edit(world, values={"password": VALUE})
    assert world.secret_log.list_all() == ()


class _Cut(MemorySecrets):
    """A store whose answer to a write never comes."""

    error: BaseException = Unavailable("it did not answer")

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        super().write(path, values, version=version)
        raise self.error


@pytest.mark.parametrize("error", [Unavailable("it did not answer"), Crash()])
def test_a_write_whose_answer_is_not_known_stays_as_begun(world: World, error: BaseException) -> None:
    world.secrets = _Cut({"dev/db": {"password": "old"}})
    world.secrets.error = error
    with pytest.raises(type(error)):
        _edit(world, values={"password": VALUE})
    assert [one.ending for one in world.secret_log.list_all()] == [Ending.BEGUN]


def test_a_record_that_cannot_be_kept_stops_no_write_and_is_said(world: World) -> None:
    world.secret_log.fault = Forbidden("you may not write ConfigMaps")
    _edit(world, values={"password": "new-" + VALUE})
    assert world.secrets.read(("dev/db",))["dev/db"].version == "2"
    assert "who writes vault:dev/db is recorded by its store only: you may not" in world.reporter.text


def test_the_ledger_names_who_is_behind_the_version_that_an_apply_used_once(world: World) -> None:
    _edit(world, values={"password": "new-" + VALUE})
    _commit(world)
    world.apply_head()
    (who,) = _trailers(world, "Jx-Secret-Written")
    assert who.startswith(f"vault:dev/db=2 set by {world.cluster.whoami()} at ")
    world.commit(world.repos.read(world.repo, world.repos.head(world.repo, "master")).put("README.md", "x"))  # type: ignore[arg-type]
    world.apply_head()
    assert _trailers(world, "Jx-Secret") == ["vault:dev/db=2"]
    assert _trailers(world, "Jx-Secret-Written") == []


def test_what_an_apply_makes_is_on_record_with_its_commit(world: World) -> None:
    commit = _commit(world, "<generated>")
    world.apply_head()
    (one,) = world.secret_log.list_all()
    assert (one.deed, one.place, one.version) == (Deed.MADE, "vault:generated/dev/shop", "1")
    assert one.purpose == f"apply of dev at {commit[:19]} by controller"
    (who,) = _trailers(world, "Jx-Secret-Written")
    assert who.startswith("vault:generated/dev/shop=1 made by ")


def test_the_audit_has_writes_and_uses_newest_first(world: World) -> None:
    _edit(world, values={"password": "new-" + VALUE})
    commit = _commit(world)
    world.apply_head()
    rows = [(one.deed, one.place, one.version) for one in _audit(world)]
    assert rows == [(Deed.USED, "vault:dev/db", "2"), (Deed.SET, "vault:dev/db", "2")]
    assert _audit(world)[0].purpose == f"apply of dev at {commit[:19]}"
    assert _audit(world)[0].by == "controller"
    assert VALUE not in repr(_audit(world))


def test_the_audit_of_one_environment_leaves_out_what_it_has_nothing_to_do_with(world: World) -> None:
    _commit(world)
    world.apply_head()
    record = world.record
    for place in ("vault:staging/db", "vault:dev/other", "vault:dev/db"):
        with record(Deed.SET, place) as write:
            write.done()
    assert {one.place for one in _audit(world, "dev")} == {"vault:dev/db", "vault:dev/other"}
    assert "vault:staging/db" in {one.place for one in _audit(world)}


class _Uncounted(MemorySecrets):
    """A store that keeps no versions: what it calls one is a hash of the value."""

    def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
        found = super().read(paths)
        return {
            path: Secret(path, one.values, f"hash-of-{one.values['password']}", is_counted=False)
            for path, one in found.items()
        }


def test_of_a_store_without_versions_the_ledger_says_only_that(world: World) -> None:
    world.secrets = _Uncounted({"dev/db": {"password": VALUE}})
    _commit(world)
    world.apply_head()
    assert _trailers(world, "Jx-Secret") == [f"vault:dev/db={UNCOUNTED}"]
    assert "hash-of" not in "\n".join(one.message for one in world.ledger_commits())


def test_the_store_is_told_what_it_is_asked_for(world: World) -> None:
    told: list[str] = []

    class Told(MemorySecrets):
        def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
            told.append(purpose)
            return super().read(paths)

    world.secrets = Told({"dev/db": {"password": VALUE}})
    commit = _commit(world)
    world.apply_head(dry_run=True)
    world.apply_head()
    assert told == [f"{what} of dev at {commit[:19]} by controller" for what in ("dry run", "apply")]
