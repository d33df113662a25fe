"""Environments, settings and values of the platform, changed from the command line of an embedded platform."""

from __future__ import annotations

import json

import pytest
from tests.support.platform import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


def test_an_environment_is_made_promoted_into_and_taken_away(platform: Machine) -> None:
    made = platform.jx("create", "env", "qa", "--order", "50").ok()
    assert "Made repository dana/environment-local-qa" in made.err
    platform.merge(made.pull)
    shown = json.loads(platform.jx("get", "env", "qa", "-o", "json").ok().out)
    assert (shown["namespace"], shown["promotionStrategy"], shown["order"]) == ("jx-qa", "Auto", 50)
    platform.jx("promote", "shop", "-v", "1.0.0", "--env", "qa", "--wait", "-t", "3m").ok()
    edited = platform.jx("edit", "env", "qa", "--promotion", "manual").ok()
    platform.merge(edited.pull)
    assert json.loads(platform.jx("get", "env", "qa", "-o", "json").ok().out)["promotionStrategy"] == "Manual"
    gone = platform.jx("delete", "env", "qa").ok()
    assert "kubectl delete namespace jx-qa" in gone.err
    platform.merge(gone.pull)
    assert platform.jx("get", "env", "qa").code == 1


def test_settings_and_values_of_the_platform_are_pull_requests(platform: Machine) -> None:
    for words in (
        ("requirements", "apply.maxDeletions=50"),
        ("platform", "--set", "controllers.pollSeconds=7"),
    ):
        asked = platform.jx("edit", *words, user="ann").ok()
        assert asked.out.startswith("Created Pull Request: http")
        platform.jx("pr", "close", asked.pull).ok()
    assert "did you mean cluster?" in platform.jx("edit", "requirements", "clusters.x=1").ended(5).err
    assert "--prow has no effect here" in platform.jx("create", "env", "qa", "--prow").ended(2).err
    assert "without its data" in platform.jx("edit", "env", "staging", "-s", "other").ended(3).err
