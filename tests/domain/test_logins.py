"""Logins: git names where they are, the store says what they are for, and nobody gets them sent elsewhere."""

from __future__ import annotations

import pytest

from jx.domain.charts import logins
from jx.domain.charts.logins import Login
from jx.domain.environments.edits import PutLogin, edit_to_json, parse_edit
from jx.domain.errors import Invalid, NotFound, Refused
from jx.domain.layouts import umbrella
from jx.domain.names import EnvironmentName
from jx.domain.objects.references import Reference, Scheme
from jx.domain.trees import Blob, Tree

URL = "https://charts.example.com/acme"


def _login(url: str = URL) -> Login:
    return Login(url, Reference(Scheme.VAULT, "dev/logins/x", "password"))


@pytest.mark.parametrize(
    "url",
    [f"{URL}/stable", URL, f"{URL}/"],
)
def test_a_login_is_for_what_is_below_its_address(url: str) -> None:
    assert _login().covers(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://charts.example.com/acme-2",
        "https://charts.example.com",
        "https://charts.example.com:8443/acme",
        "http://charts.example.com/acme",
        "https://charts.example.com.evil.org/acme",
        "https://evil.org/acme?https://charts.example.com/acme",
        "https://charts.example.com@evil.org/acme",
        f"{URL}/../other",
        "https://[::1",
    ],
)
def test_a_login_is_for_nothing_else(url: str) -> None:
    assert not _login().covers(url)


def test_of_several_logins_the_one_that_says_most_is_taken() -> None:
    wide, narrow = _login("https://charts.example.com"), _login()
    assert logins.find_login((wide, narrow), f"{URL}/stable") == narrow
    assert logins.find_login((wide, narrow), "https://charts.example.com/other") == wide
    assert logins.find_login((wide, narrow), "oci://charts.example.com/acme") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://ann:s3cr3t@charts.example.com", "may not hold one"),
        ("http://charts.example.com", "without encryption"),
        ("ftp://charts.example.com", "no address"),
        ("https://charts.example.com/?token=x", "no address"),
        ("/srv/charts", "no address"),
    ],
)
def test_what_no_login_can_be_for_is_refused(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        logins.parse_url(text)
    assert "s3cr3t" not in f"{caught.value.message}{caught.value.hint}"


def test_what_the_store_has_says_what_it_is_for() -> None:
    found = logins.opened(_login(f"{URL}/stable"), logins.stored(URL, "ann", "s3cr3t"))
    assert (found.username, found.password) == ("ann", "s3cr3t")
    assert "s3cr3t" not in repr(found)
    with pytest.raises(Refused, match="not sent there") as caught:
        logins.opened(_login("https://evil.example/acme"), logins.stored(URL, "ann", "s3cr3t"))
    assert "s3cr3t" not in caught.value.message
    with pytest.raises(NotFound, match="has no url, username"):
        logins.opened(_login(), {"password": "of a database"})


def test_the_store_keeps_each_address_at_a_path_of_its_own() -> None:
    paths = {
        str(logins.place("dev", url))
        for url in (
            URL,
            "https://charts.example.com",
            "https://charts.example.com:8443",
            "oci://r.example/a/b",
        )
    }
    assert paths == {
        "vault:dev/logins/charts.example.com+acme:password",
        "vault:dev/logins/charts.example.com:password",
        "vault:dev/logins/charts.example.com-8443:password",
        "vault:dev/logins/r.example+a+b:password",
    }


SETTINGS = b"gitops: true # so\napply: {environment: dev, namespace: jx}\n"
CHART = b"apiVersion: v2\nname: env\nversion: 0.0.1\n"


def test_naming_a_login_twice_is_naming_it_once_and_no_other_line_changes() -> None:
    edit = PutLogin(_login())
    assert parse_edit(edit_to_json(edit)) == edit
    tree = Tree({"env/Chart.yaml": Blob(CHART), "jx-requirements.yml": Blob(SETTINGS)})
    once = umbrella.apply_edit(tree, edit)
    assert once.text("jx-requirements.yml").startswith(SETTINGS.decode())
    assert umbrella.apply_edit(once, edit) == once
    both = umbrella.apply_edit(once, PutLogin(_login("https://other.example")))
    assert umbrella.read(both, name=EnvironmentName("dev")).requirements.logins == (
        _login(),
        _login("https://other.example"),
    )


def test_a_login_in_git_that_is_none_is_a_mistake_with_its_place() -> None:
    for entry in (
        "{url: https://a.example}",
        "{url: https://a:b@c, secret: vault:dev/x:y}",
        "{url: u, secret: plain}",
    ):
        text = f"logins:\n- {entry}\n"
        tree = Tree({"env/Chart.yaml": Blob(CHART), "jx-requirements.yml": Blob(text.encode())})
        with pytest.raises(Invalid) as caught:
            umbrella.read(tree)
        assert {problem.where for problem in caught.value.problems} == {"jx-requirements.yml"}
