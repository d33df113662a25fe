from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.applying.applying import Action, ApplyPlan, ApplyResult, InventoryItem, Outcome, Source, Step
from jx.domain.errors import Invalid
from jx.domain.ledger import ledger
from jx.domain.ledger.ledger import Entry, Story
from jx.domain.ledger.trailers import find_trailers, list_trailers
from jx.domain.names import EnvironmentName, Person, Revision
from jx.domain.objects.manifests import Capabilities, ChartPin, Manifest, ObjectRef
from jx.domain.texts.yaml_emitter import emit
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN = Person("Ann Lee", "ann@example.com")
WEB = ObjectRef("", "ConfigMap", "jx", "web")

ODD = st.text(alphabet="ab \n\t:#-'\"0.ey|>&*![]{}%@`,?~=<é\u2028\x7f", max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | ODD,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=130) | ODD, inner, max_size=4)
    ),
    max_leaves=10,
)


# The emitter


@given(st.dictionaries(st.text(max_size=8), VALUES, min_size=1, max_size=4))
def test_what_is_emitted_reads_back_the_same_by_yaml_1_1(value: dict[str, Any]) -> None:
    assert yaml.load(emit(value), yaml.CSafeLoader) == value


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**63) | ODD | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
            max_leaves=8,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_what_is_emitted_reads_back_the_same_as_go_reads_it(value: dict[str, Any]) -> None:
    assert read_mapping(emit(value), "object.yaml") == value


def test_the_emitter_is_frozen() -> None:
    value = {
        "b": ["x", {"z": 1, "a": [1, [2, 3]]}, {}, []],
        "a": {"text": "one\ntwo\n", "open": "one\ntwo", "more": "one\n\n", "odd": " x", "none": None},
        "c": [True, 1.5, 1e16, "yes", "1.0", "a: b", "web:1.2", "two words", "", "2026-01-01", "é"],
    }
    assert emit(value) == (
        'a:\n  more: |+\n    one\n\n  none: null\n  odd: " x"\n  open: |-\n    one\n    two\n  text: |\n    one\n    two\n'
        "b:\n- x\n- a:\n  - 1\n  - - 2\n    - 3\n  z: 1\n- {}\n- []\n"
        'c:\n- true\n- 1.5\n- 1.0e+16\n- "yes"\n- "1.0"\n- "a: b"\n- web:1.2\n- two words\n- ""\n- "2026-01-01"\n- "é"\n'
    )


# Paths


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (ObjectRef("", "ConfigMap", "jx", "web"), "jx/core/ConfigMap/web.yaml"),
        (ObjectRef("apps", "Deployment", "jx", "web"), "jx/apps/Deployment/web.yaml"),
        (
            ObjectRef("rbac.authorization.k8s.io", "ClusterRole", "", "system:x/y"),
            "_cluster/rbac.authorization.k8s.io/ClusterRole/system%3Ax%2Fy.yaml",
        ),
    ],
)
def test_each_object_has_a_file_of_its_own(ref: ObjectRef, path: str) -> None:
    assert ledger.path_of(ref) == path


def test_long_names_stay_apart_and_fit_into_a_file_system() -> None:
    one, other = (ledger.path_of(ObjectRef("", "Secret", "jx", "a" * 250 + end)) for end in "xy")
    assert one != other
    assert len(one.rpartition("/")[2]) < 255


# Entries


def step(action: Action, ref: ObjectRef = WEB, value: str = "1") -> Step:
    body = {"apiVersion": "v1", "kind": ref.kind, "metadata": {"name": ref.name}, "data": {"a": value}}
    manifest = None if action in {Action.PRUNE, Action.KEEP} else Manifest(ref, "v1", body)
    return Step(action, ref, "v1", 2, "because", manifest)


def item(ref: ObjectRef = WEB) -> InventoryItem:
    return InventoryItem(ref, "v1", "uid", "sent", "observed")


def make_entry(
    *outcomes: Outcome, before: tuple[InventoryItem, ...], after: tuple[InventoryItem, ...]
) -> Entry:
    plan = ApplyPlan(
        EnvironmentName("dev"),
        "jx",
        "jenkins-x",
        "c1",
        tuple(outcome.step for outcome in outcomes),
        (ChartPin("web", "web", "1.0.0", digest="sha256:aa"), ChartPin("db", "db", "2.0.0")),
    )
    source = Source(
        None,
        Revision("a" * 40),
        "sha256:bb",
        ANN,
        "Add web\nJx-Result: forged",
        "https://forge/1",
        ("bob", "cat"),
    )
    story = Story(source, ApplyResult.APPLIED, "controller", AT)
    return ledger.make_entry(
        plan, outcomes, story, inventories=(before, after), capabilities=Capabilities("v1.36.0", ("v1",))
    )


def test_a_first_entry_holds_everything_and_a_later_one_what_changed() -> None:
    first = make_entry(Outcome(step(Action.UNCHANGED)), before=(), after=(item(),))
    later = make_entry(Outcome(step(Action.UNCHANGED)), before=(item(),), after=(item(),))
    assert "jx/core/ConfigMap/web.yaml" in first.files
    assert "jx/core/ConfigMap/web.yaml" not in later.files
    old = Tree().put("jx/core/ConfigMap/other.yaml", "x")
    assert "jx/core/ConfigMap/other.yaml" not in ledger.tree_of(first, old)
    assert "jx/core/ConfigMap/other.yaml" in ledger.tree_of(later, old)


def test_what_failed_leaves_its_file_as_it_was_and_what_left_the_inventory_goes() -> None:
    other = ObjectRef("", "ConfigMap", "jx", "other")
    entry = make_entry(
        Outcome(step(Action.UPDATE), error="no"),
        Outcome(step(Action.PRUNE, other)),
        before=(item(), item(other)),
        after=(item(),),
    )
    assert "jx/core/ConfigMap/web.yaml" not in entry.files
    assert entry.removed == ("jx/core/ConfigMap/other.yaml",)


def test_the_message_names_source_people_charts_and_result() -> None:
    message = make_entry(Outcome(step(Action.CREATE)), before=(), after=(item(),)).message
    trailers = find_trailers(message)
    assert message.splitlines()[0] == "Add web Jx-Result: forged"
    assert trailers["Jx-Source-Commit"] == "a" * 40
    assert trailers["Jx-Result"] == "applied"
    assert trailers["Jx-Pull-Request"] == "https://forge/1"
    assert [value for key, value in list_trailers(message) if key == "Jx-Approved-By"] == ["bob", "cat"]
    assert [value for key, value in list_trailers(message) if key == "Jx-Chart"] == [
        "web 1.0.0 sha256:aa",
        "db 2.0.0",
    ]


def test_an_entry_survives_its_stay_in_the_anchor() -> None:
    entry = make_entry(Outcome(step(Action.CREATE)), before=(), after=(item(),))
    packed = ledger.pack(entry)
    assert ledger.unpack(packed) == entry
    assert ledger.pack(entry) == packed


def test_a_damaged_entry_is_an_error_that_names_it() -> None:
    packed = ledger.pack(make_entry(Outcome(step(Action.CREATE)), before=(), after=(item(),)))
    broken = type(packed)(packed.name, packed.content[:-9])
    with pytest.raises(Invalid, match=packed.name):
        ledger.unpack(broken)
