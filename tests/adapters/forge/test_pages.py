from __future__ import annotations

import http.client
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.forge.conftest import Clone

from jx.adapters.local.forge import diffs, markdown
from jx.domain.changes.changes import Check, CheckState
from jx.ports.forge import Offer, Protection

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"
PLAN = """## Plan

| object | change |
|---|---|
| Deployment/redis | create |

<details>
<summary>Deployment/redis</summary>

```diff
@@ -1 +1 @@
-replicas: 1
+replicas: 2
```

</details>
"""


class Reader(HTMLParser):
    """The texts and the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def open_page(url: str) -> tuple[http.client.HTTPResponse, str]:
    target = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", target.port or 0)
    connection.request("GET", target.path or "/")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


@pytest.fixture
def pull_url(clone: Clone) -> str:
    clone.git("checkout", "-q", "-b", "topic")
    clone.commit("evil.html", EVIL + "\n")
    clone.git("push", "-q", "origin", "topic")
    ann, bob = clone.users.forge("ann"), clone.users.forge("bob")
    ann.ensure_protection(
        clone.repo, Protection("master", approvals=2, required_checks=("jx/check", "jx/gone"))
    )
    pull = ann.propose(clone.repo, Offer("topic", "master", EVIL, EVIL, (EVIL,)))
    ann.comment(clone.repo, 1, "an older plan", key="jx-plan")
    bob.comment(clone.repo, 1, PLAN, key="jx-plan")
    bob.comment(clone.repo, 1, EVIL)
    bob.approve(clone.repo, 1, revision=pull.head, body=EVIL)
    bob.set_status(clone.repo, pull.head, Check("jx/check", CheckState.SUCCESS, EVIL))
    return pull.url


def test_a_printed_url_opens_without_a_login_and_shows_everything(pull_url: str) -> None:
    answer, page = open_page(pull_url)
    assert answer.status == 200
    text = Reader(page).text
    for words in (
        "What changes in the cluster",
        "Deployment/redis create",
        "+replicas: 2",
        "Ann Lee",
        "Bob Ray approved",
        "1 of 2 approvals",
        "check jx/gone has not reported",
        "evil.html",
        "Write evil.html",
    ):
        assert words in text or words.replace("Bob Ray approved", "approved Bob Ray") in text, words


def test_nothing_that_people_wrote_becomes_html(pull_url: str) -> None:
    repo_url = pull_url.rpartition("/pulls/")[0]
    home = repo_url.rpartition("/")[0].rpartition("/")[0]
    for url in (pull_url, repo_url, home + "/"):
        _, page = open_page(url)
        read = Reader(page)
        assert not {"script", "img", "iframe", "style"} & set(read.tags)
        assert not [name for name in read.attributes if name.startswith("on")]
    assert EVIL in "".join(Reader(open_page(pull_url)[1]).texts)


def test_pages_allow_nothing_but_their_style_sheet(pull_url: str) -> None:
    answer, _ = open_page(pull_url)
    policy = answer.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.getheader("Set-Cookie") is None
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    style, css = open_page(pull_url.split("/acme/")[0] + "/static/style.css")
    assert (style.status, style.getheader("Content-Type")) == (200, "text/css; charset=utf-8")
    assert "--text" in css


def test_what_is_not_there_is_said_on_a_page(clone: Clone) -> None:
    answer, page = open_page(clone.repo.url.removesuffix(".git") + "/pulls/99")
    assert (answer.status, "no pull request #99" in page) == (404, True)
    assert open_page(clone.repo.url.removesuffix(".git") + "x")[0].status == 404


def test_a_link_that_is_no_page_cannot_be_a_status_s_target(clone: Clone) -> None:
    from jx.domain.errors import Invalid
    from jx.domain.names import Revision

    head = Revision(clone.git("rev-parse", "HEAD"))
    check = Check("jx/check", CheckState.SUCCESS, "", "javascript:alert(1)")
    with pytest.raises(Invalid):
        clone.users.forge("ann").set_status(clone.repo, head, check)


def test_a_diff_is_split_by_file() -> None:
    text = (
        "diff --git a/x y b/x y\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/x y\n@@ -0,0 +1 @@\n+a\n"
        "diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n"
        "diff --git a/bin b/bin\nindex 1..2\nBinary files a/bin and b/bin differ\n"
    )
    new, moved, binary = diffs.split(text)
    assert (new.path, new.note, new.added, new.removed) == ("x y", "new", 1, 0)
    assert (moved.path, moved.note, moved.lines) == ("new", "renamed from old", ())
    assert binary.note == "binary"


def test_a_comment_is_read_as_blocks() -> None:
    kinds = [block.kind for block in markdown.blocks("Hello\nyou\n" + PLAN)]
    assert kinds == ["text", "heading", "table", "open", "code", "close"]


def test_the_table_of_a_plan_is_a_table_with_its_numbers_and_without_its_marks() -> None:
    text = (
        "| app | version | create | change |\n| --- | --- | --: | :-: |\n"
        "| redis | not installed → 1.0.0 | 4 |  |\n| *the environment's own* |  | 1 | 2 * 3 |\n"
    )
    (table,) = markdown.blocks(text)
    assert table.kind == "table"
    assert table.rows == (
        ("app", "version", "create", "change"),
        ("redis", "not installed → 1.0.0", "4", ""),
        ("the environment's own", "", "1", "2 * 3"),
    )


@given(st.text(alphabet="ab|-`#<>/\n detailsum*", max_size=200))
def test_folded_parts_are_balanced_whatever_is_written(text: str) -> None:
    depth = 0
    for block in markdown.blocks(text):
        depth += (block.kind == "open") - (block.kind == "close")
        assert depth >= 0
    assert depth == 0


def test_bold_and_code_are_marked_within_a_text() -> None:
    assert [part for part in markdown.spans("a **b** `c` * d") if part[1]] == [
        ("", "a "),
        ("strong", "b"),
        ("", " "),
        ("code", "c"),
        ("", " * d"),
    ]
