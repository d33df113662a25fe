"""Comments as blocks to show: the little Markdown that comments of machines are made of. Nothing here makes HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jx.adapters.local.forge.diffs import Line, classify

_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_SUMMARY = re.compile(r"\s*(?:<details>\s*)?<summary>(.*?)</summary>\s*", re.IGNORECASE)
_SPAN = re.compile(r"\*\*(?P<strong>[^*\n]+)\*\*|`(?P<code>[^`\n]+)`")
_TAG = re.compile(r"</?[a-z]+>|\*\*|`|(?<!\S)\*(?=\S)|(?<=\S)\*(?!\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a text. `kind` is `heading`, `text`, `code`, `table`, `open` (begin of a folded part) or `close`."""

    kind: str
    text: str = ""
    lines: tuple[Line, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def blocks(text: str) -> tuple[Block, ...]:
    """A text as blocks; folded parts are balanced."""
    found, depth = [], 0
    for block in _read(text.replace("\r\n", "\n").split("\n")):
        if block.kind == "close" and depth == 0:
            continue
        depth += (block.kind == "open") - (block.kind == "close")
        found.append(block)
    return tuple(found + [Block("close")] * depth)


def spans(text: str) -> Iterator[tuple[str, str]]:
    """A text's parts in order, each with what it is: `strong`, `code`, or empty."""
    at = 0
    for found in _SPAN.finditer(text):
        yield "", text[at : found.start()]
        kind = found.lastgroup or ""
        yield kind, found[kind]
        at = found.end()
    yield "", text[at:]


def _read(lines: list[str]) -> Iterator[Block]:
    paragraph: list[str] = []
    at = 0
    while at < len(lines):
        taken, block = _special(lines, at)
        if taken == 0:
            paragraph.append(lines[at])
            at += 1
            continue
        yield from _text(paragraph)
        paragraph = []
        if block is not None:
            yield block
        at += taken
    yield from _text(paragraph)


def _special(lines: list[str], at: int) -> tuple[int, Block | None]:
    """How many lines a block that is not plain text takes here (0: there is none), and the block."""
    line = lines[at]
    bare = line.strip().lower()
    if line.lstrip().startswith("```"):
        return _code(lines, at)
    if bare in {"<details>", "</details>"}:
        return 1, Block("close") if bare == "</details>" else None
    if summary := _SUMMARY.fullmatch(line):
        return 1, Block("open", _plain(summary[1]))
    if heading := _HEADING.fullmatch(line):
        return 1, Block("heading", _plain(heading[2]))
    if (
        "|" in line
        and at + 1 < len(lines)
        and "|" in lines[at + 1]
        and _RULE.fullmatch(lines[at + 1].strip())
    ):
        return _table(lines, at)
    return 0, None


def _code(lines: list[str], at: int) -> tuple[int, Block]:
    fence = lines[at].lstrip()
    ticks = fence[: len(fence) - len(fence.lstrip("`"))]
    is_diff = fence.strip("`").strip() == "diff"
    end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == ticks), len(lines))
    body = lines[at + 1 : end]
    return end - at + 1, Block(
        "code", lines=tuple(classify(line) if is_diff else Line("", line) for line in body)
    )


def _table(lines: list[str], at: int) -> tuple[int, Block]:
    end = at + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    rows = [lines[at], *lines[at + 2 : end]]
    return end - at, Block("table", rows=tuple(_cells(row) for row in rows))


def _cells(row: str) -> tuple[str, ...]:
    inner = row.strip().removeprefix("|").removesuffix("|")
    return tuple(_plain(cell.strip()).replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner))


def _plain(text: str) -> str:
    return _TAG.sub("", text).strip()


def _text(paragraph: list[str]) -> Iterator[Block]:
    text = "\n".join(paragraph).strip("\n")
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).strip()
    if text:
        yield Block("text", text)
