"""Objects as people name them."""

from __future__ import annotations

import pytest

from jx.cli.objects import parse_object
from jx.domain.errors import Usage


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Deployment/shop", "Deployment"),
        ("deploy/shop", "Deployment"),
        ("STS/shop", "StatefulSet"),
        ("svc/shop", "Service"),
        ("apps.jenkins.io/shop", "apps.jenkins.io"),
    ],
)
def test_an_object_is_named_as_kubectl_names_it(text: str, kind: str) -> None:
    assert parse_object(text) == (kind, "shop")


@pytest.mark.parametrize("text", ["shop", "/shop", "deploy/", ""])
def test_what_lacks_a_kind_or_a_name_is_no_object(text: str) -> None:
    with pytest.raises(Usage, match="is no object"):
        parse_object(text)
