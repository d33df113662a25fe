"""What hooks left goes with an uninstallation, though no plan prunes it."""

from __future__ import annotations

from tests.support.worlds import ANN, DEV, DEV_REPO, World, config_map, environment_tree

from jx.adapters.local.memory_credentials import MemoryCredentials
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_promotions import MemoryPromotions
from jx.domain.applying import HookRecord
from jx.domain.environments import Environment
from jx.usecases.uninstall_platform import UninstallPlatform, UninstallRequest


def test_what_hooks_left_is_removed_and_forgotten() -> None:
    world = World()
    hook = config_map("made-by-hook", {"a": "1"}, annotations={"helm.sh/hook": "post-install"})
    world.offer("app", "1.0.0", config_map("app", {}), hook)
    world.commit(environment_tree({"app": "1.0.0"}))
    world.apply_head()
    assert [item.ref.name for item in world.anchor.hooks.left] == ["made-by-hook"]
    send = world.use_case().send
    forge = MemoryForge(world.repos, ANN)
    uninstall = UninstallPlatform(
        world.cluster, send, world.anchors, MemoryCredentials(), forge, world.reporter, MemoryPromotions()
    )
    uninstall(UninstallRequest((Environment(DEV, "jx", DEV_REPO),), "jx"))
    assert world.get("ConfigMap", "made-by-hook") is None
    assert world.get("ConfigMap", "app") is None
    assert world.anchor.hooks == HookRecord()
