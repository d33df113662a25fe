"""What hooks left goes with an uninstallation, though no plan prunes it; so do watchdogs and snapshots."""

from __future__ import annotations

from tests.support.proving import Place
from tests.support.worlds import ANN, DEV, DEV_REPO, World, config_map, environment_tree

from jx.adapters.local.memory_credentials import MemoryCredentials
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_promotions import MemoryPromotions
from jx.domain.applying.applying import HookRecord
from jx.domain.environments.environments import Environment
from jx.usecases.platform.uninstall_platform import UninstallPlatform, UninstallRequest


def uninstall(place: Place) -> None:
    world = place.world
    use_case = UninstallPlatform(
        world.cluster,
        world.use_case().send,
        world.anchors,
        MemoryCredentials(),
        MemoryForge(world.repos, ANN),
        world.reporter,
        MemoryPromotions(),
        place.watchdogs,
        place.snapshots,
    )
    use_case(UninstallRequest((Environment(DEV, "jx", DEV_REPO),), "jx"))


def test_what_hooks_left_is_removed_and_forgotten() -> None:
    world = World()
    hook = config_map("made-by-hook", {"a": "1"}, annotations={"helm.sh/hook": "post-install"})
    world.offer("app", "1.0.0", config_map("app", {}), hook)
    world.commit(environment_tree({"app": "1.0.0"}))
    world.apply_head()
    assert [item.ref.name for item in world.anchor.hooks.left] == ["made-by-hook"]
    uninstall(Place(world))
    assert world.get("ConfigMap", "made-by-hook") is None
    assert world.get("ConfigMap", "app") is None
    assert world.anchor.hooks == HookRecord()


def test_nobody_brings_back_what_was_removed_and_no_value_of_a_secret_is_left() -> None:
    place = Place(World())
    place.watchdogs.begin = place.begin
    place.world.offer("jx-platform", "1.0.0", config_map("app", {"a": "1"}))
    place.world.offer("jx-platform", "1.1.0", config_map("app", {"a": "2"}))
    place.apply("1.0.0", app="jx-platform")
    assert place.prove()
    place.apply("1.1.0", app="jx-platform")
    digest = place.snapshot.plan_digest
    watching = place.watchdogs.find(DEV)
    assert watching
    uninstall(place)
    assert place.watchdogs.find(DEV) is None
    assert place.snapshots.find(DEV, digest) is None
    assert place.world.anchor.verified is None
