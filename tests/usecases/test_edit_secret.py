"""Setting secrets in their store."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.support.worlds import recording

from jx.adapters.local.memory_records import MemoryReporter
from jx.adapters.local.memory_secret_log import MemorySecretLog
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import NotFound, Stale
from jx.domain.objects.references import Scheme
from jx.ports.secrets import Secret
from jx.usecases.secrets.edit_secret import EditSecret, EditSecretRequest


def _edit(store: MemorySecrets, log: MemorySecretLog | None = None) -> EditSecret:
    return EditSecret({Scheme.VAULT: store}, MemoryReporter(), recording(log))


def _values(store: MemorySecrets, path: str) -> dict[str, str]:
    return dict(store.read((path,))[path].values)


def test_a_key_is_set_and_the_others_stay() -> None:
    store = MemorySecrets({"prod/db": {"user": "ann", "password": "old"}})
    assert _edit(store)(EditSecretRequest("prod/db", values={"password": "new"}))
    assert _values(store, "prod/db") == {"user": "ann", "password": "new"}


def test_a_path_that_is_new_begins_with_its_first_key() -> None:
    store = MemorySecrets()
    assert _edit(store)(EditSecretRequest("prod/db", values={"password": "new"}))
    assert _values(store, "prod/db") == {"password": "new"}


def test_what_is_so_already_is_no_new_version() -> None:
    store = MemorySecrets({"prod/db": {"password": "same"}})
    assert not _edit(store)(EditSecretRequest("prod/db", values={"password": "same"}))
    assert store.read(("prod/db",))["prod/db"].version == "1"


def test_keys_and_paths_are_taken_away() -> None:
    store = MemorySecrets({"prod/db": {"user": "ann", "password": "old"}})
    assert _edit(store)(EditSecretRequest("prod/db", removes=("user",)))
    assert _values(store, "prod/db") == {"password": "old"}
    assert _edit(store)(EditSecretRequest("prod/db", is_gone=True))
    assert store.read(("prod/db",)) == {}


def test_what_is_not_there_cannot_be_taken_away() -> None:
    store = MemorySecrets({"prod/db": {"user": "ann"}})
    with pytest.raises(NotFound, match=r"no key password \(it has user\)"):
        _edit(store)(EditSecretRequest("prod/db", removes=("password",)))
    with pytest.raises(NotFound, match="has nothing at prod/other"):
        _edit(store)(EditSecretRequest("prod/other", is_gone=True))


class _Overtaken(MemorySecrets):
    """Somebody sets another key just before the first write."""

    has_overtaken = False

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        if not self.has_overtaken:
            self.has_overtaken = True
            super().write(path, {**super().read((path,))[path].values, "theirs": "x"}, version=version)
            raise Stale("somebody else was faster")
        return super().write(path, values, version=version)


def test_two_who_set_different_keys_both_succeed() -> None:
    store = _Overtaken({"prod/db": {"user": "ann"}})
    assert _edit(store)(EditSecretRequest("prod/db", values={"mine": "y"}))
    assert _values(store, "prod/db") == {"user": "ann", "theirs": "x", "mine": "y"}


def test_no_message_and_no_request_shows_a_value() -> None:
    reporter = MemoryReporter()
    request = EditSecretRequest("prod/db", values={"password": "not-to-be-seen"})
    EditSecret({Scheme.VAULT: MemorySecrets()}, reporter, recording())(request)
    assert "not-to-be-seen" not in repr(request)
    assert "not-to-be-seen" not in repr(reporter.events)


def test_a_store_that_is_not_there_is_told_of() -> None:
    with pytest.raises(NotFound, match="no store for aws:"):
        _edit(MemorySecrets())(EditSecretRequest("prod/db", Scheme.AWS, {"a": "b"}))
