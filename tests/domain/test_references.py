"""References to secrets: what is one, where they stand, and whether they may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.errors import Invalid
from jx.domain.objects import references
from jx.domain.objects.references import Reach, Reference, Scheme, find_reference, parse_reference

PARTS = st.from_regex(r"[A-Za-z0-9_.@+=-]{1,8}", fullmatch=True).filter(lambda part: part not in {".", ".."})
REFERENCES = st.builds(
    Reference,
    st.sampled_from(Scheme),
    st.lists(PARTS, min_size=1, max_size=4).map("/".join),
    st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True),
)


@given(REFERENCES)
def test_a_reference_is_read_as_it_was_written(reference: Reference) -> None:
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    "value",
    [
        "see vault:prod/db:password",
        "vault: the tool",
        "vault:prod/db",
        "vault:prod/../db:password",
        "vault:/prod:password",
        "vault:prod//db:password",
        "vault:prod/db:pass:word",
        "vault:secret/data/db#password",
        "aws:kms",
        "https:example/x:80",
        "",
        None,
        7,
    ],
)
def test_what_is_no_reference(value: object) -> None:
    assert find_reference(value) is None


def test_a_wrong_one_is_told_the_form() -> None:
    with pytest.raises(Invalid, match="is no reference") as error:
        parse_reference("vault:prod")
    assert "vault:prod/db:password" in error.value.hint


@pytest.mark.parametrize(
    ("value", "is_meant"),
    [
        ("vault:prod/db", True),
        ("vault:", True),
        ("vault:a:b:c", True),
        ("vault:prod/db:password", False),
        ("vault: the tool", False),
        ("vault:secret/data/db#password", False),
        ("aws:kms", False),
        ("localhost:80", False),
    ],
)
def test_what_can_only_be_meant_as_a_reference_is_found(value: str, is_meant: bool) -> None:
    assert references.is_misspelt(value) is is_meant


DOCUMENT = {
    "db": {"password": "vault:prod/db:password", "host": "db.example"},
    "users": [{"name": "ann", "key": "vault:prod/users:ann.key"}, "vault:oops"],
    "text": "vault:prod/db:password is here",
}


def test_references_are_found_with_their_places() -> None:
    found = [(references.shown(one.at), str(one.reference)) for one in references.list_references(DOCUMENT)]
    assert found == [("db.password", "vault:prod/db:password"), ("users[0].key", "vault:prod/users:ann.key")]
    assert [references.shown(at) for at in references.list_misspelt(DOCUMENT)] == ["users[1]"]


def test_only_references_are_replaced() -> None:
    values = {one.reference: f"<{one.reference.key}>" for one in references.list_references(DOCUMENT)}
    made = references.replaced(DOCUMENT, values)
    assert made["db"] == {"password": "<password>", "host": "db.example"}
    assert made["users"] == [{"name": "ann", "key": "<ann.key>"}, "vault:oops"]
    assert made["text"] == DOCUMENT["text"]


@pytest.mark.parametrize(
    ("pattern", "path", "is_covered"),
    [
        ("prod/db", "prod/db", True),
        ("prod/db", "prod/db/x", False),
        ("prod/*", "prod/db", True),
        ("prod/*", "prod/db/x", False),
        ("prod/*", "prod", False),
        ("prod/**", "prod/db/x", True),
        ("prod/**", "production/db", False),
        ("p.od/*", "prod/db", False),
    ],
)
def test_an_environment_reads_what_its_patterns_cover(pattern: str, path: str, is_covered: bool) -> None:
    assert Reach((pattern,)).covers(path) is is_covered
