"""What the flags of `jx install` mean together."""

from __future__ import annotations

import pytest

from jx.domain.errors import Usage
from jx.domain.platforms.installing import Engine, InstallFlags, plan_installation


def flags(provider: str = "local", **switches: bool) -> InstallFlags:
    return InstallFlags(named_switches(switches), provider=provider)


def named_switches(switches: dict[str, bool]) -> dict[str, bool]:
    return {name.replace("_", "-"): value for name, value in switches.items()}


def test_ng_is_the_whole_bundle() -> None:
    plan = plan_installation(flags(ng=True))
    assert (plan.engine, plan.gitops, plan.vault, plan.not_built_yet) == (Engine.TEKTON, True, True, "")


def test_no_engine_means_ng_and_says_so() -> None:
    plan = plan_installation(flags())
    assert (plan.engine, plan.gitops, plan.vault) == (Engine.TEKTON, True, True)
    assert any("--ng" in note for note in plan.notes)


def test_the_bundle_spelled_out_is_the_bundle() -> None:
    spelled = plan_installation(flags(gitops=True, vault=True, no_tiller=True, tekton=True))
    assert spelled == plan_installation(flags(ng=True))


def test_an_explicit_vault_false_is_honoured_by_ng() -> None:
    plan = plan_installation(flags(ng=True, vault=False))
    assert not plan.vault
    assert any("--vault=false" in note for note in plan.notes)


@pytest.mark.parametrize("more", [{"ng": True}, {}, {"gitops": True, "vault": True}])
def test_tekton_false_is_a_platform_whose_controllers_apply(more: dict[str, bool]) -> None:
    plan = plan_installation(InstallFlags({**more, "tekton": False}, provider="local"))
    assert (plan.engine, plan.gitops, plan.vault, plan.not_built_yet) == (Engine.NONE, True, True, "")
    assert plan.pipelines == "none (the controllers apply)"


def test_ng_without_tekton_says_so_aloud() -> None:
    notes = plan_installation(flags(ng=True, tekton=False)).notes
    assert any("--tekton=false" in note for note in notes)


def test_gitops_without_an_engine_is_a_jenkins_server_and_never_something_else() -> None:
    plan = plan_installation(flags(gitops=True, vault=True))
    assert plan.engine is Engine.JENKINS
    assert "Jenkins" in plan.not_built_yet


def test_gitops_implies_vault_aloud_unless_it_is_left_out() -> None:
    implied = plan_installation(flags(gitops=True, tekton=True))
    assert implied.vault
    assert any("requires vault" in note for note in implied.notes)
    assert not plan_installation(flags(gitops=True, tekton=True, no_gitops_vault=True)).vault


@pytest.mark.parametrize(
    ("switches", "named"),
    [
        ({"ng": True, "static_jenkins": True}, ("--ng", "--static-jenkins")),
        ({"tekton": True, "static_jenkins": True}, ("--tekton", "--static-jenkins")),
        ({"knative_build": True, "tekton": True}, ("--knative-build", "--tekton")),
        ({"ng": True, "gitops": False}, ("--ng", "--gitops=false")),
        ({"prow": True, "tekton": False}, ("--prow", "--tekton=false")),
        ({"no_gitops_vault": True, "vault": True}, ("--no-gitops-vault", "--vault")),
    ],
)
def test_a_contradiction_is_refused_with_both_flags_and_why(
    switches: dict[str, bool], named: tuple[str, str]
) -> None:
    with pytest.raises(Usage) as caught:
        plan_installation(InstallFlags(named_switches(switches), provider="local"))
    assert all(flag in caught.value.message for flag in named)
    assert caught.value.hint.startswith("why:")


@pytest.mark.parametrize("switches", [{"no_tiller": False}, {"remote_tiller": True}, {"knative_build": True}])
def test_what_has_ended_is_refused(switches: dict[str, bool]) -> None:
    with pytest.raises(Usage, match="gone"):
        plan_installation(InstallFlags(named_switches(switches), provider="local"))


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Usage) as caught:
        plan_installation(flags(provider="gkee"))
    assert "gke" in caught.value.hint


@pytest.mark.parametrize("provider", ["gke", "eks", "kind", "kubernetes"])
def test_other_providers_mean_the_cluster_of_the_kubeconfig(provider: str) -> None:
    plan = plan_installation(flags(provider=provider, ng=True))
    assert (plan.provider, plan.engine, plan.not_built_yet) == (provider, Engine.TEKTON, "")


def test_environments_in_other_clusters_are_not_built_yet() -> None:
    assert (
        "--remote-environments" in plan_installation(flags(ng=True, remote_environments=True)).not_built_yet
    )
