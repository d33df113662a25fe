"""What people see: ages, states of pods, and the paths of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views import pod_cells, shown
from jx.adapters.local.kubernetes.words import jsonpaths


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (3600, "60m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 120, "3h2m"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_durations_are_written_as_kubectl_does(seconds: int, text: str) -> None:
    assert shown.duration(seconds) == text


def _pod(status: Obj, **metadata: str) -> Obj:
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}]}
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _waiting(reason: str) -> Obj:
    return {"name": "c", "state": {"waiting": {"reason": reason}}}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Running", "containerStatuses": [_waiting("CrashLoopBackOff")]}, "CrashLoopBackOff"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        (
            {"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]},
            "ExitCode:3",
        ),
        ({"phase": "Pending", "initContainerStatuses": [_waiting("ErrImagePull")]}, "Init:ErrImagePull"),
        (
            {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]},
            "Init:0/1",
        ),
        (
            {"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}]},
            "Completed",
        ),
    ],
)
def test_the_state_of_a_pod_is_its_most_telling_word(status: Obj, word: str) -> None:
    assert pod_cells.pod_reason(_pod(status)) == word


def test_a_deleted_pod_is_terminating() -> None:
    assert pod_cells.pod_reason(_pod({"phase": "Running"}, deletionTimestamp="x")) == "Terminating"


OBJECT = {
    "spec": {"size": 3, "parts": [{"n": "a"}, {"n": "b"}]},
    "metadata": {"annotations": {"example.org/x": "1"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", [3]),
        ("{.spec.size}", [3]),
        ("$.spec.size", [3]),
        (".spec.parts[1].n", ["b"]),
        (".spec.parts[-1].n", ["b"]),
        (".spec.parts[*].n", ["a", "b"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type!='Ready')].status", ["False"]),
        (r".metadata.annotations.example\.org/x", ["1"]),
        (".metadata.annotations['example.org/x']", ["1"]),
        (".spec.none.below", []),
        (".spec.parts[7]", []),
        ("nonsense((", []),
    ],
)
def test_paths_of_printer_columns_find_values(path: str, found: list[Any]) -> None:
    assert jsonpaths.find(jsonpaths.parse(path), OBJECT) == found
