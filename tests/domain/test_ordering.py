from __future__ import annotations

import random

from jx.domain.objects import ordering
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.ordering import Wave

REFS = (
    ObjectRef("", "Namespace", "", "jx"),
    ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", "windows.shop.example.com"),
    ObjectRef("", "ServiceAccount", "jx", "web"),
    ObjectRef("", "ConfigMap", "jx", "web"),
    ObjectRef("rbac.authorization.k8s.io", "Role", "jx", "web"),
    ObjectRef("", "Service", "jx", "web"),
    ObjectRef("apps", "Deployment", "jx", "web"),
    ObjectRef("batch", "Job", "jx", "web"),
    ObjectRef("shop.example.com", "Window", "jx", "front"),
    ObjectRef("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "web"),
)
"""In the order in which they are to be sent."""


def test_what_others_need_is_sent_first() -> None:
    shuffled = list(REFS)
    random.Random(1).shuffle(shuffled)
    shuffled.sort(key=lambda ref: (ordering.wave_of(ref), ordering.rank_of(ref)))
    assert tuple(shuffled) == REFS


def test_deletes_run_in_the_opposite_order_after_all_sends() -> None:
    backwards = sorted(REFS, key=lambda ref: (ordering.prune_wave_of(ref), -ordering.rank_of(ref)))
    assert tuple(backwards) == tuple(reversed(REFS))
    assert min(map(ordering.prune_wave_of, REFS)) > max(map(ordering.wave_of, REFS))


def test_objects_of_custom_kinds_are_sent_before_the_webhooks_that_could_refuse_them() -> None:
    assert ordering.wave_of(REFS[-2]) is Wave.WORKLOADS
    assert ordering.wave_of(REFS[-1]) is Wave.GATES


def test_a_kind_of_somebody_elses_group_is_no_gate_by_its_name() -> None:
    assert ordering.wave_of(ObjectRef("shop.example.com", "APIService", "", "x")) is not Wave.GATES
