"""What starts pipelines by itself: patterns of names, words in messages, and mistakes that are told with their line."""

from __future__ import annotations

import pytest

from jx.domain.errors import Invalid
from jx.domain.pipelines import files, triggering


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("main", ["main"], ["main2", "x/main", "MAIN"]),
        ("feature/*", ["feature/x", "feature/"], ["feature/x/y", "feature"]),
        ("feature/**", ["feature/x", "feature/x/y"], ["feature"]),
        ("**/*.md", ["README.md", "docs/a.md", "docs/b/a.md"], ["README.mdx"]),
        ("v?.*", ["v1.2", "v1."], ["v12", "v/.2"]),
        ("a.b+c[1]", ["a.b+c[1]"], ["axb+c[1]", "a.bbc1"]),
        ("**", ["a", "a/b", "a\nb"], []),
    ],
)
def test_patterns_stand_for_names(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [name for name in (*good, *bad) if triggering.matches([pattern], name)] == good


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v1.2.3", "1.2.3"), ("1.2.3", "1.2.3"), ("vienna", "vienna"), ("release-1", "release-1")],
)
def test_a_tag_names_a_version(tag: str, version: str) -> None:
    assert triggering.version_of(tag) == version


def test_words_that_only_look_like_it_skip_nothing() -> None:
    assert not any(
        map(triggering.skip_by_message, ("skip ci", "[skip  ci]", "[skipci]", "do not [skip cider]"))
    )


def test_every_mistake_is_told_with_its_line() -> None:
    text = """\
triggers:
  branches: ["", refs/heads/main]
  tags: [/v1]
  paths: ["!docs"]
  pathsIgnore: [docs/]
  path: [x]
"""
    with pytest.raises(Invalid) as caught:
        files.parse_project(text)
    assert [str(one) for one in caught.value.problems] == [
        "jenkins-x.yml:2: '' matches nothing: it is empty",
        "jenkins-x.yml:2: 'refs/heads/main' matches nothing: a branch or tag is named without `refs/…/`",
        "jenkins-x.yml:3: '/v1' matches nothing: names begin at the repository, without `/` or `./`",
        "jenkins-x.yml:4: '!docs' matches nothing: there is no `!`; what does not matter is named by pathsIgnore",
        "jenkins-x.yml:5: 'docs/' matches nothing: it is a folder; its files are docs/**",
        "jenkins-x.yml:6: path is not known here; did you mean paths?",
    ]


def test_triggers_of_a_context_are_no_use_and_say_so() -> None:
    with pytest.raises(Invalid) as caught:
        files.parse_project("triggers: {tags: [v*]}\n", "jenkins-x-nightly.yml")
    assert "triggers belong to jenkins-x.yml" in str(caught.value.problems[0])
