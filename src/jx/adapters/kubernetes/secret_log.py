"""The secret log over one ConfigMap beside the anchors, written by compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api, Json
from jx.domain.errors import NotFound, Stale
from jx.domain.ledger import secret_writes
from jx.domain.ledger.secret_writes import MOST_KEPT, SecretWrite
from jx.domain.objects.membership import ANCHORS_NAMESPACE

NAME = "secret-writes"
_KEY = "writes.jsonl"
_ATTEMPTS = 20

Change = Callable[[tuple[SecretWrite, ...]], tuple[SecretWrite, ...]]


class KubernetesSecretLog:
    """The record of one cluster, which is reached when it is first needed."""

    def __init__(self, api: Callable[[], Api]) -> None:
        self._connect = api

    @property
    def _api(self) -> Api:
        return self._connect()

    def begin(self, write: SecretWrite) -> SecretWrite:
        """Keep what is about to be written."""

        def add(kept: tuple[SecretWrite, ...]) -> tuple[SecretWrite, ...]:
            number = max((one.number for one in kept), default=0) + 1
            return (*kept, replace(write, number=number))[-MOST_KEPT:]

        return self._change(add)[-1]

    def end(self, write: SecretWrite) -> None:
        """Keep how that went on."""
        self._change(lambda kept: tuple(write if one.number == write.number else one for one in kept))

    def list_all(self) -> tuple[SecretWrite, ...]:
        """What is kept, oldest first."""
        body = self._find()
        return _read(body) if body is not None else ()

    def _find(self) -> Json | None:
        try:
            return self._api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, NAME)
        except NotFound:
            return None

    def _change(self, change: Change) -> tuple[SecretWrite, ...]:
        for _ in range(_ATTEMPTS):
            body = self._find()
            made = change(_read(body) if body is not None else ())
            try:
                self._write(body, secret_writes.to_text(made))
            except Stale:
                continue
            return made
        raise Stale("the record of secrets is being written by many at once", hint="try again in a moment")

    def _write(self, there: Json | None, text: str) -> None:
        if there is not None:
            body = {**there, "data": {_KEY: text}}
            self._api.replace(CONFIG_MAPS, ANCHORS_NAMESPACE, body)
            return
        ensure_namespace(self._api, ANCHORS_NAMESPACE)
        metadata = {
            "name": NAME,
            "namespace": ANCHORS_NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "jx"},
        }
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {_KEY: text}}
        self._api.create(CONFIG_MAPS, ANCHORS_NAMESPACE, body)


def _read(body: Json) -> tuple[SecretWrite, ...]:
    return secret_writes.of_text((body.get("data") or {}).get(_KEY) or "")
