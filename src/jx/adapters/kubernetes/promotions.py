"""The promotions port over the Kubernetes API: one ConfigMap per app, beside the anchors. Its resourceVersion is what is compared
and swapped."""

from __future__ import annotations

import contextlib

import orjson

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api, Json
from jx.domain.changes.promotion_records import parse_promotions, promotions_to_data
from jx.domain.changes.promotions import AppPromotions
from jx.domain.errors import Invalid, NotFound, Stale
from jx.domain.names import AppKey
from jx.domain.objects.membership import ANCHORS_NAMESPACE

LABEL = "jenkins.io/promotions"

_KEY = "promotions.json"


class KubernetesPromotions:
    """Promotions of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def find(self, app: AppKey) -> AppPromotions | None:
        try:
            return _read(self._api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, _name(app)))
        except NotFound:
            return None

    def list_all(self) -> tuple[AppPromotions, ...]:
        items, _ = self._api.list_pages(CONFIG_MAPS, ANCHORS_NAMESPACE, query={"labelSelector": LABEL})
        return tuple(sorted((_read(item) for item in items), key=lambda known: known.app))

    def save(self, known: AppPromotions) -> AppPromotions:
        if not known.version:
            ensure_namespace(self._api, ANCHORS_NAMESPACE)
        body = _body(known)
        try:
            saved = self._swap(known, body)
        except (Stale, NotFound) as error:
            raise Stale(
                f"the promotions of {known.app} were changed by somebody else",
                hint="read again and decide again",
            ) from error
        return _read(saved)

    def remove(self, app: AppKey) -> None:
        with contextlib.suppress(NotFound):
            self._api.delete(CONFIG_MAPS, ANCHORS_NAMESPACE, _name(app))

    def _swap(self, known: AppPromotions, body: Json) -> Json:
        if not known.version:
            return self._api.create(CONFIG_MAPS, ANCHORS_NAMESPACE, body)
        body["metadata"]["resourceVersion"] = known.version
        return self._api.replace(CONFIG_MAPS, ANCHORS_NAMESPACE, body)


def _name(app: AppKey) -> str:
    return f"promotions-{app}"


def _body(known: AppPromotions) -> Json:
    text = orjson.dumps(promotions_to_data(known), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    labels = {"app.kubernetes.io/managed-by": "jx", LABEL: known.app}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _name(known.app), "namespace": ANCHORS_NAMESPACE, "labels": labels},
        "data": {_KEY: text.decode() + "\n"},
    }


def _read(body: Json) -> AppPromotions:
    name = body["metadata"]["name"]
    try:
        data = orjson.loads((body.get("data") or {}).get(_KEY) or "")
    except orjson.JSONDecodeError as error:
        raise Invalid(
            f"ConfigMap/{name} (namespace {ANCHORS_NAMESPACE}) cannot be read as promotions",
            hint="delete it: what is on its way there has to be promoted again",
        ) from error
    return parse_promotions(data, version=str(body["metadata"]["resourceVersion"]))
