"""A process that dies before or after any single request of an upgrade with prune and hooks: the next apply finishes it, and all
ends are the same. On the embedded API, and on a real one where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.embedded import GROUP, embedded_api
from tests.support.foreign import EMBEDDED, SERVERS, server
from tests.support.fuses import Crash, Fuse
from tests.support.places import NORMALISED, Place, make_place
from tests.support.worlds import config_map, deployment, secret

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import CONFIG_MAPS, SECRETS, Api, Resource
from jx.adapters.kubernetes.transport import Request, Transport
from jx.domain.applying.locking import LEASE
from jx.domain.objects import secrets

__all__ = ["embedded_api"]

pytestmark = GROUP

EVERY = "JX_EVERY_CRASH"
"""Set this to die at every request. Otherwise it is after each one that may change something, and before the first: what is read
leaves nothing behind, so a crash next to a read is one next to the write before it."""

KINDS = (
    CONFIG_MAPS,
    SECRETS,
    Resource("v1", "services", "Service"),
    Resource("apps/v1", "deployments", "Deployment"),
)


@pytest.fixture(scope="module", params=SERVERS)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    if request.param == EMBEDDED:
        yield request.getfixturevalue("embedded_api")
        return
    with server(request.param, tmp_path_factory.mktemp("none")) as path:
        made = Api.connect(kubeconfig.load([path]), SystemClock())
        yield made
        made.close()


class Dying:
    """A transport whose process dies at one of its requests. `changing` are those that may change something."""

    def __init__(self, transport: Transport, fuse: Fuse) -> None:
        self._transport = transport
        self._fuse = fuse
        self.changing: list[int] = []
        self.access = transport.access

    def request(self, request: Request) -> Any:
        if request.method != "GET":
            self.changing.append(self._fuse.calls + 1)
        return self._fuse.call(self._transport.request, request)

    def stream(self, request: Request) -> Any:
        return self._fuse.call(self._transport.stream, request)

    def close(self) -> None:
        self._transport.close()


def hook(name: str, phases: str, policy: str) -> dict[str, Any]:
    notes = {"helm.sh/hook": phases, "helm.sh/hook-delete-policy": policy}
    return config_map(name, {"a": "1"}, annotations=notes)


def before_upgrade(api: Api) -> Place:
    """An environment in which one version runs, and the next, which drops an object and has hooks, is committed."""
    place = make_place(api)
    place.world.offer(
        "app",
        "1.0.0",
        deployment("web", "web:1"),
        NORMALISED,
        secret("web", {"password": "hunter22"}),
        config_map("old", {"a": "1"}),
        hook("before", "pre-install,pre-upgrade", "before-hook-creation"),
    )
    place.world.offer(
        "app",
        "1.1.0",
        deployment("web", "web:2"),
        NORMALISED,
        secret("web", {"password": "hunter23"}),
        config_map("new", {"a": "1"}),
        hook("before", "pre-install,pre-upgrade", "before-hook-creation"),
        hook("after", "post-upgrade", "hook-succeeded"),
    )
    place.world.commit(place.tree(app="1.0.0"), "Install")
    assert place.apply().is_good
    place.world.commit(place.tree(app="1.1.0"), "Upgrade")
    return place


def end_state(api: Api, place: Place) -> dict[str, Any]:
    """All that has to be the same at the end, whatever happened on the way. Records that nothing refers to any more are no part
    of it: a later save sweeps them, once they are old enough to be nobody's."""
    anchor = place.world.anchors.find(place.name)
    assert anchor is not None
    assert anchor.applied is not None
    commits = place.world.ledger_commits()
    return {
        "objects": sorted(
            shown(body, place) for kind in KINDS for body in api.list_pages(kind, place.name)[0]
        ),
        "inventory": sorted(place.inventory()),
        "result": (anchor.applied.result, anchor.pending, anchor.hooks.pending),
        "hooks": [str(item.ref).replace(place.name, "here") for item in anchor.hooks.left],
        "ledger": [one.subject for one in commits],
        "files": sorted(path.replace(place.name, "here") for path in place.world.ledger_files()),
    }


def shown(body: dict[str, Any], place: Place) -> str:
    """An object without what only the server counts, and what carries the place's own name."""
    masked = dict(secrets.mask(body))
    meta = masked["metadata"]
    kept = {key: meta[key] for key in ("name", "labels", "annotations") if key in meta}
    spec = {key: masked.get(key) for key in ("data", "spec") if key != "spec" or masked["kind"] != "Service"}
    return str((masked["kind"], kept, spec)).replace(place.name, "here").replace(place.part_of, "part-of")


@dataclass(frozen=True)
class Upgrade:
    """How many requests an upgrade that nobody disturbs takes, which may change something, and how it ends."""

    requests: int
    changing: list[int]
    end: dict[str, Any]


def through(api: Api, fuse: Fuse) -> tuple[Api, Dying]:
    dying = Dying(Transport(api.access, SystemClock()), fuse)
    return Api(dying), dying  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def undisturbed(api: Api) -> Upgrade:
    place, fuse = before_upgrade(api), Fuse()
    fused, dying = through(api, fuse)
    place.reach(fused)
    assert place.apply().is_good
    place.reach(api)
    dying.close()
    return Upgrade(fuse.calls, dying.changing, end_state(api, place))


def points(upgrade: Upgrade) -> list[tuple[int, bool]]:
    """Request and whether the crash is after it."""
    if os.environ.get(EVERY):
        return [(at, after) for at in range(1, upgrade.requests + 1) for after in (False, True)]
    return [(upgrade.changing[0], False), *((at, True) for at in upgrade.changing)]


@pytest.mark.timeout(1800)
def test_a_crash_at_any_request_of_an_upgrade_with_prune_and_hooks_is_repaired(
    api: Api, undisturbed: Upgrade
) -> None:
    chosen = points(undisturbed)
    assert len(chosen) > 15
    for at, after in chosen:
        where = f"killed {'after' if after else 'before'} request {at} of {undisturbed.requests}"
        place = before_upgrade(api)
        fused, dying = through(api, Fuse(at, after=after))
        place.reach(fused)
        with pytest.raises(Crash):
            place.apply()
        dying.close()
        place.reach(api)
        place.world.clock.move(LEASE * 2)
        assert place.apply().is_good, where
        assert end_state(api, place) == undisturbed.end, where
    assert not place.apply().plan.has_changes
    print(f"{len(chosen)} crashes, {undisturbed.requests} requests")
