"""Edits of YAML text that leave every byte outside the edited lines as it was: comments, order, quotes, line ends.

Nothing is loaded and dumped: a new piece is spliced in where the old one stood. Each edit proves itself by reading its own
result; where the file is written in a way that this module cannot edit, it says so and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jx.domain.errors import Invalid, Problem
from jx.domain.texts.yaml_text import Node, Yaml, find_line, parse_node, to_data, write_yaml

Path = tuple[str | int, ...]
"""Keys of mappings and indices of sequences, from the top of the file."""


def set_value(text: str, path: Path, value: Yaml, where: str = "") -> str:
    """With a value at a path. Missing mappings on the way are made, an index one past the end appends; a mapping is compared
    key by key, so that only what differs is edited. Invalid where something else than a mapping is in the way."""
    return _Edit(text, where).set(path, value)


def append_item(text: str, path: Path, value: Yaml, where: str = "") -> str:
    """With one more item at the end of the sequence at a path, which is made where it is not there."""
    edit = _Edit(text, where)
    found = _dig(edit.data, path)
    if found is not None and not isinstance(found, list):
        raise edit.cannot(path, "this is not a list")
    return edit.set(path, [value]) if not found else edit.set((*path, len(found)), value)


def remove(text: str, path: Path, where: str = "") -> str:
    """Without the entry or item at a path; not there is no error. Comments above it stay."""
    return _Edit(text, where).remove(path)


class _Edit:
    """One edit of one text. Methods that end in `_at` give a new text and are not yet proven."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self.root = parse_node(text, where)
        self.data = to_data(self.root, where)
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.indents_lists = _indents_lists(self.root)

    def set(self, path: Path, value: Yaml) -> str:
        goal = _put(self.data, path, value, self)
        if _is_same(self.data, goal):
            return self.text
        old = _dig(self.data, path)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and old and value:
            return self._set_parts(path, old, value)
        return self._prove(self._set_at(path, value), goal, path)

    def _set_parts(self, path: Path, old: Mapping[str, Yaml], new: Mapping[str, Yaml]) -> str:
        text = self.text
        for key in new:
            text = _Edit(text, self.where).set((*path, key), new[key])
        for key in old:
            if key not in new:
                text = _Edit(text, self.where).remove((*path, key))
        return text

    def remove(self, path: Path) -> str:
        if not path:
            return self.text
        parent = _dig(self.data, path[:-1])
        if not _holds(parent, path[-1]):
            return self.text
        return self._prove(self._remove_at(path), _without(self.data, path), path)

    def cannot(self, path: Path, why: str) -> Invalid:
        shown = ".".join(str(part) for part in path)
        line = find_line(self.root, tuple(str(part) for part in path))
        return Invalid(
            f"{self.where or 'the file'} cannot be edited at {shown or 'its top'}",
            Problem(self.where, why, line),
            hint="edit this place by hand, then try again",
        )

    def _prove(self, text: str, goal: Yaml, path: Path) -> str:
        try:
            found = to_data(parse_node(text, self.where), self.where)
        except Invalid as error:
            raise self.cannot(path, "its YAML is written in a way that cannot be edited safely") from error
        if not _is_same(found, goal):
            raise self.cannot(path, "its YAML is written in a way that cannot be edited safely")
        return text

    # Where to splice -------------------------------------------------------------------------------------------------

    def _set_at(self, path: Path, value: Yaml) -> str:
        node, depth = self._deepest(path)
        for part in reversed(path[depth + 1 :]):
            value = _wrap(part, value)
        if node is None or (depth == 0 and node.tag == "null" and node.start == node.end):
            whole = _wrap(path[0], value) if path else value
            return self._append_lines(len(self.text), write_yaml(whole, indent_lists=self.indents_lists), 0)
        if depth == len(path):
            return self._replace_at(path, value)
        if node.tag == "alias":
            raise self.cannot(path, "it is an alias of another place")
        if node.tag == "null" or not (node.entries or node.items):
            return self._replace_at(path[:depth], _wrap(path[depth], value))
        return self._insert_at(node, path[depth], value)

    def _deepest(self, path: Path) -> tuple[Node | None, int]:
        """The last node on a path that is there, and how many parts of the path lead to it."""
        node = self.root
        for depth, part in enumerate(path):
            below = _child(node, part) if node is not None else None
            if below is None:
                return node, depth
            node = below
        return node, len(path)

    def _insert_at(self, node: Node, part: str | int, value: Yaml) -> str:
        if node.is_flow:
            first = (node.items or tuple(key for key, _ in node.entries))[0]
            glue = ", " if first.line == node.line else "," + self.newline + " " * first.column
            new = _flow(value) if node.tag == "seq" else f"{_flow(str(part))}: {_flow(value)}"
            at = self._content_end(node.items[-1] if node.items else node.entries[-1][1])
            return self.text[:at] + glue + new + self.text[at:]
        if node.tag == "seq":
            block = write_yaml([value], indent_lists=self.indents_lists)
            return self._append_lines(self._content_end(node), block, self._dash_column(node))
        block = write_yaml({str(part): value}, indent_lists=self.indents_lists)
        return self._append_lines(self._content_end(node), block, node.entries[0][0].column)

    def _replace_at(self, path: Path, value: Yaml) -> str:
        node, _ = self._deepest(path)
        if not path and node is not None:
            block = write_yaml(value, indent_lists=self.indents_lists).rstrip("\n")
            end = self._content_end(node)
            return self.text[: node.start] + self._indent(block, 0) + self.text[end:]
        parent, _ = self._deepest(path[:-1])
        if parent is None or node is None or parent.tag == "alias":
            raise self.cannot(path, "it is an alias of another place")
        if parent.is_flow or (
            _is_line(node) and not isinstance(value, (dict, list)) and not _is_block(value)
        ):
            new = _scalar(value, node) if not isinstance(value, (dict, list)) else _flow(value)
            gap = " " if node.start == node.end and self.text[node.start - 1 : node.start] in ":-" else ""
            return self.text[: node.start] + gap + new + self.text[node.end :]
        return self._replace_block(parent, path[-1], node, value)

    def _replace_block(self, parent: Node, part: str | int, node: Node, value: Yaml) -> str:
        """Everything after `key:` (or `-`) gives way, but for a comment on that line."""
        if parent.tag == "seq":
            column, mark = self._dash_column(parent), "-"
            after = self._dash(node) + 1
            block = write_yaml([value], indent_lists=self.indents_lists)
        else:
            key = next(name for name, _ in parent.entries if name.real.text == part)
            column, mark = key.column, "k:"
            after = self.text.index(":", key.end) + 1
            block = write_yaml({"k": value}, indent_lists=self.indents_lists)
        new = self._indent(block.rstrip("\n"), column).removeprefix(" " * column)[len(mark) :]
        end = self._content_end(node)
        rest = self.text[self._line_end(end) :]
        if node.line > self._line_of(
            after
        ):  # the old value begins on a later line: this one may end in a comment
            comment = self.text[after : self._line_end(after)]
        else:
            comment = self.text[end : self._line_end(end)].rstrip()
        first, separator, more = new.partition(self.newline)
        is_nested = not first
        return (
            self.text[:after] + (comment + first if is_nested else first + comment) + separator + more + rest
        )

    def _remove_at(self, path: Path) -> str:
        parent, _ = self._deepest(path[:-1])
        if parent is None or parent.tag == "alias":
            raise self.cannot(path, "it is an alias of another place")
        pairs = parent.entries or tuple((item, item) for item in parent.items)
        names: list[str | int] = [*range(len(pairs))]
        if parent.tag == "map":
            names = [key.real.text for key, _ in pairs]
        if path[-1] not in names:
            raise self.cannot(path, "it comes from an alias (`<<`)")
        index = names.index(path[-1])
        if parent.is_flow:
            return self._remove_flow(pairs, index)
        if len(pairs) == 1:
            return self._remove_last(path, parent)
        starts = [key.start if parent.tag == "map" else self._dash(key) for key, _ in pairs]
        line_start = self.text.rfind("\n", 0, starts[index]) + 1
        before = self.text[line_start : starts[index]].strip(" \ufeff")
        if not before:
            return self._cut_lines(line_start, self._content_end(pairs[index][1]))
        if before.strip("- ") or index + 1 == len(pairs):
            raise self.cannot(path, "it is not at the beginning of a line")
        return (
            self.text[: starts[index]] + self.text[starts[index + 1] :]
        )  # behind a `- `: the next takes its place

    def _remove_flow(self, pairs: Sequence[tuple[Node, Node]], index: int) -> str:
        if index + 1 < len(pairs):
            return self.text[: pairs[index][0].start] + self.text[pairs[index + 1][0].start :]
        start = self._content_end(pairs[index - 1][1]) if index else pairs[index][0].start
        return self.text[:start] + self.text[self._content_end(pairs[index][1]) :]

    def _remove_last(self, path: Path, parent: Node) -> str:
        if len(path) > 1:
            return self._replace_at(path[:-1], [] if parent.tag == "seq" else {})
        line_start = self.text.rfind("\n", 0, parent.start) + 1
        return self._cut_lines(line_start, self._content_end(parent))

    # Places ----------------------------------------------------------------------------------------------------------

    def _content_end(self, node: Node) -> int:
        """Where the last character of a value stands: the parser's own end of blocks lies behind comments that follow."""
        if not node.is_flow and node.entries:
            return self._content_end(node.entries[-1][1])
        if not node.is_flow and node.items:
            return self._content_end(node.items[-1])
        if node.style in {"|", ">"}:
            header = self.text[node.start : self._line_end(node.start)]
            if "+" in header.partition("#")[0]:
                return node.end
            return node.start + len(self.text[node.start : node.end].rstrip())
        return node.end

    def _dash_column(self, node: Node) -> int:
        dash = self._dash(node.items[0])
        return len(self.text[self.text.rfind("\n", 0, dash) + 1 : dash].removeprefix("\ufeff"))

    def _dash(self, item: Node) -> int:
        """Where the dash of an item stands; an item without a value is said to begin behind it."""
        return self.text.rindex("-", 0, item.start)

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if self.text[end - 1] == "\r" and end > at else end

    def _line_of(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def _cut_lines(self, start: int, content_end: int) -> str:
        end = self.text.find("\n", content_end) + 1
        if content_end and self.text[content_end - 1] == "\n":
            end = content_end
        if end > 0:
            return self.text[:start] + self.text[end:]
        # The last line had no line end: none has now.
        return self.text[:start].removesuffix("\n").removesuffix("\r")

    def _append_lines(self, after: int, block: str, column: int) -> str:
        """Whole lines behind the line in which position `after` lies."""
        new = self._indent(block, column)
        if after and self.text[after - 1] == "\n":
            return self.text[:after] + new + self.text[after:]
        end = self.text.find("\n", after) + 1
        if end:
            return self.text[:end] + new + self.text[end:]
        if not self.text.removeprefix("\ufeff"):
            return self.text + new
        return self.text + self.newline + new.removesuffix(self.newline)

    def _indent(self, block: str, column: int) -> str:
        lines = block.split("\n")
        return self.newline.join(" " * column + line if line else line for line in lines)


def _wrap(part: str | int, value: Yaml) -> Yaml:
    return [value] if isinstance(part, int) else {part: value}


def _child(node: Node, part: str | int) -> Node | None:
    if node.tag == "map" and isinstance(part, str):
        return node.find(part)
    if node.tag == "seq" and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def _is_line(node: Node) -> bool:
    return (
        node.style in {"", "'", '"'}
        and not node.entries
        and not node.items
        and node.tag not in {"map", "seq"}
    )


def _is_block(value: Yaml) -> bool:
    return isinstance(value, str) and "\n" in value.rstrip("\n")


def _flow(value: Yaml) -> str:
    return write_yaml([value], flow=True).strip()[1:-1]


def _scalar(value: Yaml, old: Node) -> str:
    """A scalar on one line, in the old one's quotes where it had any."""
    if not isinstance(value, str) or not value.isprintable():
        return _flow(value)
    if old.style == '"':
        return json.dumps(value, ensure_ascii=False)
    if old.style == "'":
        return "'" + value.replace("'", "''") + "'"
    return _flow(value)


def _indents_lists(root: Node | None) -> bool:
    """Whether the file's first list below a key is indented; as most Helm files are where there is none."""
    stack = [root] if root is not None else []
    while stack:
        node = stack.pop(0)
        for key, value in node.entries:
            if value.tag == "seq" and not value.is_flow and value.items and value.line > key.line:
                return value.column > key.column
            stack.append(value)
        stack.extend(node.items)
    return True


def _dig(data: Yaml, path: Path) -> Yaml:
    for part in path:
        if not _holds(data, part):
            return None
        data = data[part]
    return data


def _holds(data: Yaml, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _put(data: Yaml, path: Path, value: Yaml, edit: _Edit, depth: int = 0) -> Yaml:
    if depth == len(path):
        return value
    part = path[depth]
    below = data[part] if _holds(data, part) else None
    new = _put(below, path, value, edit, depth + 1)
    if isinstance(part, str) and (data is None or isinstance(data, Mapping)):
        return {**(data or {}), part: new}
    if isinstance(part, int) and (data is None or isinstance(data, list)) and part <= len(data or []):
        return [*(data or [])[:part], new, *(data or [])[part + 1 :]]
    raise edit.cannot(
        path[:depth], "this is not a mapping" if isinstance(part, str) else "the list has no such item"
    )


def _without(data: Yaml, path: Path) -> Yaml:
    part, rest = path[0], path[1:]
    new = [_without(data[part], rest)] if rest else []
    if isinstance(part, int):
        return [*data[:part], *new, *data[part + 1 :]]
    kept = {key: value for key, value in data.items() if key != part}
    return {**kept, part: new[0]} if new else kept


def _is_same(one: Yaml, other: Yaml) -> bool:
    """Equal as JSON (so `true` is not 1); an empty file is an empty mapping."""
    return json.dumps(one or _empty(one), sort_keys=True) == json.dumps(
        other or _empty(other), sort_keys=True
    )


def _empty(value: Any) -> Any:
    return {} if value is None else value
