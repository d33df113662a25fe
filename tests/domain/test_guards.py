from __future__ import annotations

from dataclasses import replace

import pytest

from jx.domain.applying.applying import Action, Anchor, ApplyPlan, InventoryItem, Step
from jx.domain.environments import guards
from jx.domain.environments.environments import Requirements
from jx.domain.environments.guards import Allowed, Guard, Review
from jx.domain.errors import Refused
from jx.domain.names import EnvironmentName, Repo
from jx.domain.objects.manifests import ChartPin, ObjectRef

DEV = EnvironmentName("dev")
REPO = Repo("https://git.example.com/acme/environment-jx-dev.git")


def refs(count: int) -> tuple[ObjectRef, ...]:
    return tuple(ObjectRef("", "ConfigMap", "jx", f"m{number}") for number in range(count))


def plan(*, prunes: int = 0, platform: str = "", namespace: str = "jx", cluster: str = "c1") -> ApplyPlan:
    steps = tuple(Step(Action.PRUNE, ref, "v1", 7, "gone") for ref in refs(prunes))
    charts = (ChartPin("jx-platform", "jx-platform", platform),) if platform else ()
    return ApplyPlan(DEV, namespace, "jenkins-x", cluster, steps, charts)


def anchor(*, items: int = 10, platforms: tuple[str, ...] = ()) -> Anchor:
    inventory = tuple(InventoryItem(ref, "v1", "u", "s", "o") for ref in refs(items))
    return Anchor(DEV, REPO, "c1", "jx", "jenkins-x", inventory, platform_versions=platforms)


def find(review: Review) -> list[type[Refused]]:
    return [type(refusal) for refusal in guards.findings(review)]


@pytest.mark.parametrize(
    ("review", "refused"),
    [
        (Review(plan(), rendered=1, apps=1), []),
        (Review(plan(), rendered=0, apps=0), []),
        (Review(plan(), rendered=0, apps=1), [guards.EmptyRender]),
        (Review(plan(), rendered=0, apps=0, anchor=anchor()), []),
        (Review(plan(prunes=1), rendered=0, apps=0, anchor=anchor()), [guards.EmptyRender]),
        (Review(plan(prunes=3), rendered=1, apps=1, anchor=anchor(items=3)), []),
        (Review(plan(prunes=5), rendered=1, apps=1, anchor=anchor()), []),
        (Review(plan(prunes=6), rendered=1, apps=1, anchor=anchor()), [guards.TooManyDeletions]),
        (Review(plan(prunes=21), rendered=1, apps=1, anchor=anchor(items=100)), [guards.TooManyDeletions]),
        (
            Review(plan(prunes=21), 1, 1, anchor(items=100), requirements=Requirements(max_deletions=21)),
            [],
        ),
        (Review(plan(prunes=6), 1, 1, anchor(), removed=("redis",)), []),
        (Review(plan(prunes=6), 1, 1, anchor(), removed=("redis", "shop")), [guards.TooManyDeletions]),
        (Review(plan(prunes=21), 1, 1, anchor(items=100), removed=("redis",)), [guards.TooManyDeletions]),
        (Review(plan(prunes=4), 0, 0, anchor(items=4), removed=("shop",)), []),
        (
            Review(plan(prunes=6), 1, 0, anchor(platforms=("1.0.0",)), removed=("jx-platform",)),
            [guards.TooManyDeletions],
        ),
        (Review(plan(prunes=4), 0, 1, anchor(items=4), removed=("shop",)), [guards.EmptyRender]),
        (Review(plan(cluster="c2"), rendered=1, apps=1, anchor=anchor()), [guards.OtherCluster]),
        (Review(plan(namespace="x"), rendered=1, apps=1, anchor=anchor()), [guards.OtherCluster]),
        (Review(plan(), 1, 1, anchor(), repo=Repo("http://127.0.0.1:1/acme/environment-jx-dev")), []),
        (Review(plan(), 1, 1, anchor(), repo=Repo("http://127.0.0.1:1/acme/other")), [guards.OtherCluster]),
        (Review(plan(platform="0.9.0"), 1, 1, anchor(platforms=("1.0.0",))), [guards.PlatformDowngrade]),
        (Review(plan(platform="1.0.0"), 1, 1, anchor(platforms=("1.0.0", "1.1.0"))), []),
        (Review(plan(platform="1.10.0"), 1, 1, anchor(platforms=("1.9.0",))), []),
        (Review(plan(), 1, 1, allowed=Allowed(reviewed="sha256:other")), [guards.NotTheReviewedPlan]),
        (Review(plan(), 1, 1, allowed=Allowed(reviewed=plan().digest)), []),
    ],
)
def test_each_guard_refuses_what_it_is_for_and_nothing_else(
    review: Review, refused: list[type[Refused]]
) -> None:
    assert find(review) == refused


def test_a_refusal_has_numbers_objects_and_the_flag_that_passes_it() -> None:
    review = Review(plan(prunes=12), rendered=1, apps=1, anchor=anchor(items=12))
    (refusal,) = guards.findings(review)
    assert "12 of 12 objects (100%)" in refusal.message
    assert "and 2 more" in refusal.message
    assert refusal.flag == "--allow deletions"
    assert refusal.flag in refusal.hint
    assert not guards.findings(
        Review(plan(prunes=12), 1, 1, anchor(items=12), allowed=Allowed(frozenset({Guard.DELETIONS})))
    )


def test_foreign_objects_are_named_with_their_owners() -> None:
    owner = (ObjectRef("", "ConfigMap", "jx", "theirs"), "the Helm release other")
    (refusal,) = guards.findings(Review(plan(), 1, 1, foreign=(owner,)))
    assert "ConfigMap/theirs (namespace jx) belongs to the Helm release other" in refusal.message


def test_several_refusals_are_told_together() -> None:
    review = Review(plan(prunes=9, cluster="c2"), rendered=0, apps=1, anchor=anchor())
    with pytest.raises(guards.SeveralRefusals) as caught:
        guards.enforce(guards.findings(review))
    assert len(caught.value.refusals) == 3
    assert caught.value.message.startswith("3 guards refuse this plan:\n- ")
    assert caught.value.flag == "--allow other-cluster --allow empty-render --allow deletions"


def test_one_refusal_is_raised_as_itself_and_none_not_at_all() -> None:
    guards.enforce(())
    with pytest.raises(guards.EmptyRender):
        guards.enforce(guards.findings(Review(plan(), rendered=0, apps=1)))


@pytest.mark.parametrize(
    "guard", [one for one in Guard if one not in {Guard.CONFLICTS, Guard.LEDGER_MOVED, Guard.SECRETS}]
)
def test_each_guard_can_be_passed_by_its_name(guard: Guard) -> None:
    foreign = ((ObjectRef("", "ConfigMap", "jx", "theirs"), "somebody"),)
    stuck = Step(
        Action.REPLACE, ObjectRef("batch", "Job", "jx", "seed"), "batch/v1", 3, "spec.template is stiff"
    )
    made = plan(prunes=9, cluster="c2", platform="0.1.0")
    made = replace(made, steps=(*made.steps, stuck))
    review = Review(made, 0, 1, anchor(platforms=("1.0.0",)), foreign=foreign)
    everything = frozenset(Guard)
    assert len(find(review)) == 6
    passed = Review(review.plan, 0, 1, review.anchor, foreign=foreign, allowed=Allowed(everything - {guard}))
    assert len(find(passed)) == 1
    assert guards.findings(passed)[0].flag == f"--allow {guard}"
