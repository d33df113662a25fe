"""Documentation is true: made pages are as their sources say, links lead somewhere, commands in examples are there."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from scripts import make_reference

from jx.cli.main import root
from jx.domain.environments.guards import Guard

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("charts/**/*.md")])

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CALL = re.compile(r"(?:^|\$\(|&& |\| |; )(?:\./)?jx(?= |$)([^|;&#)>]*)")

HOSTS = (
    ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("proxy", "golang", "org"),
    ("sum", "golang", "org"), ("deb", "debian", "org"), ("archive", "ubuntu", "com"), ("crates", "io"), ("rubygems", "org"),
)  # fmt: skip
BUILD_MACHINE = re.compile(r"(?<![\w.])/(?:work|farm)/|(?<![\w./-])" + "shared" + "/")


def prose(page: Path) -> str:
    """A page without its examples."""
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """What a `#...` link may name, as forges make it from headings."""
    titles = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def calls(page: Path) -> Iterator[str]:
    """What examples type after `jx`: all lines of a `sh` block, those behind a `$` of a `console` block."""
    for language, block in FENCED.findall(page.read_text()):
        lines = block.replace("\\\n", " ").splitlines()
        if language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif language != "sh":
            continue
        for line in lines:
            yield from (match[1] for match in CALL.finditer(line.strip()))


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("this is no clone")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("name", make_reference.make_pages())
def test_a_made_page_is_as_its_source_says(name: str) -> None:
    made, there = make_reference.make_pages()[name], make_reference.REFERENCE / name
    assert there.read_text() == made, f"{name} is out of date; run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        where, _, anchor = link.partition("#")
        if ":" in where:
            continue
        target = (page.parent / where).resolve() if where else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_an_example_is_there_with_its_options(page: Path) -> None:
    for call in calls(page):
        words = shlex.split(call)
        while words and words[0].startswith("-"):
            del words[: 2 if words[0] in {"--as", "--platform", "--context", "--kubeconfig"} else 1]
        command: click.Command = root
        while words and isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found, f"jx{call}"
            command = found
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        given = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert given <= known | {"--help"}, f"jx{call}"


def test_every_guard_is_explained() -> None:
    page = (ROOT / "docs" / "explanation" / "applying.md").read_text()
    assert not [guard.value for guard in Guard if f"`{guard.value}`" not in page]


def test_no_file_names_a_registry_or_a_build_machine() -> None:
    hosts = re.compile("|".join(re.escape(".".join(parts)) for parts in HOSTS))
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if hosts.search(line) or BUILD_MACHINE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found


def test_each_decision_has_a_number_of_its_own_which_is_that_of_its_file() -> None:
    numbers: dict[int, str] = {}
    for path in sorted((ROOT / "docs/decisions").glob("0*.md")):
        number = int(path.name[:4])
        assert number not in numbers, f"{path.name} and {numbers.get(number)}"
        assert path.read_text().startswith(f"# {number}. "), path.name
        numbers[number] = path.name
