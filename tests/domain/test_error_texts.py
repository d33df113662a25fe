from __future__ import annotations

from typing import Any

import pytest

from jx.domain.objects import error_texts
from jx.domain.objects.manifests import Manifest, ref_of
from jx.domain.objects.secrets import REDACTED

NONE: frozenset[str] = frozenset()


def made(kind: str, *derived: tuple[str | int, ...], **more: Any) -> Manifest:
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "web"}, **more}
    return Manifest(ref_of(body), "v1", body, derived=frozenset(derived))


POD = made(
    "Pod",
    ("spec", "containers", 1, "env", 0, "value"),
    ("metadata", "annotations", "example.com/token"),
    ("spec", "schedulerName"),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'Pod "web" is invalid: spec.containers[4].env[7].value: Invalid value: "dec\\"oded": must be',
            f'Pod "web" is invalid: spec.containers[4].env[7].value: Invalid value: {REDACTED}: must be',
        ),
        (
            '[metadata.annotations[example.com/token]: Invalid value: "x": bad, spec.nodeName: Not found: "y"]',
            f'[metadata.annotations[example.com/token]: Invalid value: {REDACTED}: bad, spec.nodeName: Not found: "y"]',
        ),
        (
            'spec: Invalid value: core.PodSpec{A:"x: y", B:{C:"z"}}: no',
            f"spec: Invalid value: {REDACTED}: no",
        ),
        (
            "spec.schedulerName.deep: Unsupported value: 8: use 1",
            f"spec.schedulerName.deep: Unsupported value: {REDACTED}: use 1",
        ),
        (
            '.spec.schedulerName: expected list, got &value.valueUnstructured{Value:"x"}',
            f".spec.schedulerName: expected list, got {REDACTED}",
        ),
    ],
)
def test_what_is_quoted_of_a_masked_field_is_left_out(text: str, shown: str) -> None:
    assert error_texts.cleaned(text, POD, NONE) == shown


def test_what_is_quoted_of_other_fields_stays() -> None:
    text = 'spec.containers[0].image: Invalid value: "web:1": no, spec.priority: Invalid value: 3: no'
    assert error_texts.cleaned(text, POD, NONE) == text
    assert error_texts.cleaned(text, made("Pod"), NONE) == text


def test_all_data_of_a_secret_is_masked() -> None:
    text = 'Secret "web" is invalid: data[p]: Invalid value: "cut off": no, type: Invalid value: "x": no'
    shown = f'Secret "web" is invalid: data[p]: Invalid value: {REDACTED}: no, type: Invalid value: "x": no'
    assert error_texts.cleaned(text, made("Secret"), NONE) == shown


def test_values_are_left_out_wherever_they_stand() -> None:
    text = "the webhook says: hunter2hunter2 is weak"
    assert (
        error_texts.cleaned(text, POD, frozenset({"hunter2hunter2"}))
        == f"the webhook says: {REDACTED} is weak"
    )
