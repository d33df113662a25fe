"""Label and field selectors."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.types import selectors

WEB = {"app": "web", "tier": "front", "size": "3", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=api", False),
        ("app!=api", True),
        ("app!=web", False),
        ("missing!=x", True),
        ("app", True),
        ("!app", False),
        ("!missing", True),
        ("app in (web, api)", True),
        ("app in (api)", False),
        ("app notin (api,db)", True),
        ("missing notin (api)", True),
        ("missing in (api)", False),
        ("app=web,tier=front", True),
        ("app=web,tier=back", False),
        ("app = web , tier in (front)", True),
        ("empty=", True),
        ("empty in ()", True),
        ("app=", False),
        ("size>2", True),
        ("size<2", False),
        ("app>2", False),
        ("kubernetes.io/name!=x", True),
    ],
)
def test_a_label_selector_matches(text: str, matches: bool) -> None:
    assert selectors.parse_labels(text)(WEB) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app=web,", "found '', expected: identifier after ','"),
        ("app web", "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt"),
        ("app=web tier", "found 'tier', expected: ',' or 'end of string'"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
        ("app in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'"),
        (
            "size>x",
            (
                'unable to parse requirement: values[0]: Invalid value: "x": '
                "for 'Gt', 'Lt' operators, the value must be an integer"
            ),
        ),
    ],
)
def test_a_bad_label_selector_is_told_in_the_servers_words(text: str, message: str) -> None:
    with pytest.raises(selectors.SelectorError) as raised:
        selectors.parse_labels(text)
    assert str(raised.value) == message


def test_a_bad_label_key_names_the_rule() -> None:
    with pytest.raises(selectors.SelectorError) as raised:
        selectors.parse_labels("-a=b")
    assert str(raised.value) == (
        'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric characters, '
        "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
        "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    )


POD = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"nodeName": "x", "hostNetwork": True}}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("metadata.name=p", True),
        ("metadata.name==p,metadata.namespace=n", True),
        ("metadata.name!=p", False),
        ("spec.nodeName=", False),
        ("status.phase=", True),
        ("status.phase!=Running", True),
        ("spec.hostNetwork=true", True),
    ],
)
def test_a_field_selector_matches(text: str, matches: bool) -> None:
    assert selectors.parse_fields(text)(POD) is matches


def test_a_field_selector_may_escape_its_separators() -> None:
    assert selectors.parse_fields(r"spec.v=a\,b\=c")({"spec": {"v": "a,b=c"}})


def test_a_field_that_cannot_be_selected_by_is_named() -> None:
    with pytest.raises(selectors.SelectorError, match=r"^field label not supported: spec\.foo$"):
        selectors.parse_fields("spec.foo=1", frozenset(("metadata.name",)))


def test_a_field_selector_without_operator_is_refused() -> None:
    with pytest.raises(selectors.SelectorError) as raised:
        selectors.parse_fields("metadata.name")
    assert str(raised.value) == "invalid selector: 'metadata.name'; can't understand 'metadata.name'"


def test_a_label_selector_object_matches_by_labels_and_expressions() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "gone", "operator": "DoesNotExist"},
            {"key": "size", "operator": "Exists"},
            {"key": "size", "operator": "NotIn", "values": ["4"]},
        ],
    }
    assert selectors.matches_label_selector(selector, WEB)
    assert not selectors.matches_label_selector(selector, {**WEB, "gone": "x"})
    assert not selectors.matches_label_selector(None, WEB)
    assert selectors.matches_label_selector({}, WEB)


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", ""]))


@given(LABELS, LABELS)
def test_equalities_match_exactly_the_supersets(wanted: dict[str, str], labels: dict[str, str]) -> None:
    text = ",".join(f"{key}={value}" for key, value in wanted.items())
    assert selectors.parse_labels(text)(labels) is (wanted.items() <= labels.items())


@given(st.text(max_size=12))
def test_any_text_is_a_selector_or_an_error(text: str) -> None:
    for parse in (selectors.parse_labels, selectors.parse_fields):
        with contextlib.suppress(selectors.SelectorError):
            parse(text)({})
