from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.ledger.ledger_fields import FieldChange, compare_fields, read_fields, shown
from jx.domain.texts.yaml_emitter import emit

ODD = st.text(alphabet="ab \n\t:#-'\"0.ey|>&*![]{}%@`,?~=<é\u2028\x7f\\", max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD, inner, max_size=4),
    max_leaves=12,
)
POD = {
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "web:1.2",
                "args": ["--port=80", "--debug"],
                "ports": [{"containerPort": 80}],
            },
            {"name": "side", "image": "side:1", "command": []},
        ],
        "note": "one\ntwo\n",
    }
}


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict) and value:
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, list) and value:
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def read(text: str) -> Any:
    return yaml.load("k: " + text.replace("\n", "\n  ") + "\n", yaml.CSafeLoader)["k"]


@given(st.dictionaries(ODD, VALUES, min_size=1, max_size=4))
def test_every_leaf_is_found_in_its_line_with_its_value(value: dict[str, Any]) -> None:
    text = emit(value)
    lines = text.split("\n")
    found = read_fields(text)
    wanted = leaves(value)
    if len(found) == len(wanted):  # keys that hold dots can make two paths equal
        assert [read(field.text) for field in found.values()] == wanted
    for field in found.values():
        assert lines[field.line - 1].endswith(field.text.partition("\n")[0])


def test_items_are_told_by_their_names_and_plain_values_by_themselves() -> None:
    found = read_fields(emit(POD))
    assert found['.spec.containers[name="web"].image'].text == "web:1.2"
    assert found['.spec.containers[name="web"].args[="--debug"]'].text == '"--debug"'
    assert found['.spec.containers[name="web"].ports[containerPort=80].containerPort'].text == "80"
    assert found['.spec.containers[name="side"].command'].text == "[]"
    assert found[".spec.note"].text == "|\none\ntwo"


def test_one_item_more_changes_no_path_below_it() -> None:
    before = emit({"env": [{"name": "B", "value": "2"}]})
    after = emit({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    assert {change.path for change in compare_fields(before, after)} == {
        '.env[name="A"].name',
        '.env[name="A"].value',
    }


def test_fields_that_came_went_and_changed_are_told_apart() -> None:
    changes = compare_fields(emit({"a": 1, "b": 2}), emit({"b": 3, "c": "x"}))
    assert changes == (
        FieldChange(".b", "2", "3"),
        FieldChange(".c", None, "x"),
        FieldChange(".a", "1", None),
    )


def test_people_see_no_quotes_that_mean_nothing_to_them() -> None:
    assert [shown('"1.0"'), shown("web"), shown('""'), shown(None)] == ["1.0", "web", '""', "not set"]
