"""Writes the reference pages that have a source in code: commands, settings, exit codes.

    python scripts/make_reference.py            `make docs` calls it; the pages stand in docs/reference/

A page says only what its source says, so nobody edits it. tests/architecture holds the pages to their sources.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from jx.cli import exit_codes
from jx.cli.install_flags import FLAGS
from jx.cli.main import root
from jx.cli.tree import ROWS, Row, load
from jx.config import settings
from jx.domain import errors
from jx.domain.pipelines.schema import pack_schema, project_schema

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"

_NOTE = "<!-- Made by `make docs` from {source}. Edit that, not this. -->"
_WIDTH = 130
_IN_PODS = "Run by others than people"
_INSTALL = frozenset(flag.names for flag in FLAGS)
_IDLE = frozenset(flag.names for flag in FLAGS if not flag.acts)

_ABOUT_COMMANDS = """
`jx` alone says where you stand and what to do next. `jx COMMAND --help` prints what stands here. Results go to standard output,
progress and hints to standard error. What a command's exit code means: [exit codes](exit-codes.md).
"""
_ABOUT_SETTINGS = """
jx is set up by environment variables. An option on the command line goes before its variable. Everything else that can be set
belongs to a platform, and so stands in git: see [environment repositories](environment-repository.md).
"""
_ABOUT_TOKENS = """
No option takes a token or a password: everybody on a machine can read the arguments of a process. `jx local env` prints none
either; it sets up a shell so that git asks jx for them.
"""
_ABOUT_FILE = """
`jenkins-x.yml` says what runs for a pull request, for its merge, and for other branches; `jenkins-x-NAME.yml` says it for the
context NAME. The file is a [ProjectFile](#projectfile); a build pack's `pipeline.yaml` is a [PipelineConfig](#pipelineconfig).
A text may be written as a number or as true and false: it is taken as it is written. What Kubernetes defines (volumes,
resources, `valueFrom`, ...) stands as Kubernetes has it. `jx step syntax validate` tells every mistake with its line; editors
take the JSON Schemas: [of jenkins-x.yml](jenkins-x.schema.json), [of pipeline.yaml](pipeline.schema.json). What comes of it,
and what cannot be done: [pipelines](../explanation/pipelines.md).
"""
_ABOUT_ONE = """
`jx get env NAME`, `jx get apps NAME` and `jx local status` answer a question: they end with 1 where nothing of that name is
there, or something is down. Commands that wait (`--wait`) end with 1 when what they wait for does not come in time.
"""

_WHEN = {
    "DONE": "done, or there was nothing to do",
    "FAILED": "the work was tried and did not succeed, or the answer to a question is no",
    "USAGE": "the command line is wrong: an unknown option, or two that contradict each other",
    "REFUSED": "a guard or a hold said no, and nothing was changed; the message names the way past it, where there is one",
    "NOT_FOUND": "a thing that was named is not there",
    "INVALID": "files or values are wrong; the message lists every mistake with its place",
    "TRY_AGAIN": "trying again may help: somebody else is at it, or a server cannot be reached",
    "DIFFERENT": "there are changes, and `--exit-code` asked",
    "FAULT": "a fault of jx itself; the message names the file with the report",
    "INTERRUPTED": "Ctrl-C; the message says what goes on without you",
}


def make_pages() -> dict[str, str]:
    """Every generated page: its file name in docs/reference, and its text."""
    return {
        "commands.md": _commands(),
        "settings.md": _settings(),
        "exit-codes.md": _exit_codes(),
        "pipeline-file.md": _pipeline_file(),
        "jenkins-x.schema.json": _json(project_schema()),
        "pipeline.schema.json": _json(pack_schema()),
    }


def main() -> None:
    """Write the pages that differ."""
    for name, text in make_pages().items():
        path = REFERENCE / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(REFERENCE.parents[1])}")


def _commands() -> str:
    sections: dict[str, list[Row]] = {}
    for row in ROWS:
        sections.setdefault(_IN_PODS if row.hidden else row.section, []).append(row)
    context = click.Context(root, info_name="jx")
    parts = [
        "# Commands",
        _NOTE.format(source="the table of commands (`src/jx/cli/tree.py`) and their modules"),
        _wrapped(_ABOUT_COMMANDS),
        "Before the command:",
        _options(_visible(root), context),
        *(_index(title, rows) for title, rows in sections.items()),
    ]
    for title, rows in sections.items():
        parts += [f"## {title}", *(_command(row) for row in rows)]
    return "\n\n".join(parts) + "\n"


def _index(title: str, rows: Iterable[Row]) -> str:
    table = (f"| [`jx {row.words}`](#jx-{row.words.replace(' ', '-')}) | {row.summary} |" for row in rows)
    return "\n".join([f"| {title} | |", "| --- | --- |", *table])


def _command(row: Row) -> str:
    command = load(row)
    context = click.Context(command, info_name=f"jx {row.words}")
    usage = " ".join([f"jx {row.words}", *command.collect_usage_pieces(context)])
    prose, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    parts = [f"### jx {row.words}", f"    {usage}", *_paragraphs(prose)]
    if row.aliases:
        before = row.words.rpartition(" ")[0]
        parts.append("Also: " + ", ".join(f"`{f'jx {before} {alias}'}`" for alias in row.aliases) + ".")
    if _installs_too(row, command):
        own = [option for option in _visible(command) if _INSTALL.isdisjoint(option.opts)]
        parts += ["The flags of [jx install](#jx-install), and:", _options(own, context)]
    else:
        parts += [_options(_visible(command), context), _idle(command)]
    if examples:
        parts.append(f"```sh\n{textwrap.dedent(examples).rstrip()}\n```")
    return "\n\n".join(part for part in parts if part)


def _options(options: Iterable[click.Option], context: click.Context) -> str:
    rows = []
    for option in options:
        record = option.get_help_record(context)
        if record and not _IDLE.issuperset(option.opts):
            names = ", ".join(f"`{_cell(part)}`" for part in record[0].split(", "))
            rows.append(f"| {names} | {_prose(record[1])} |")
    return "\n".join(["| option | |", "| --- | --- |", *rows]) if rows else ""


def _idle(command: click.Command) -> str:
    """Flags of Jenkins X 2 that are taken and change nothing, in one line instead of a table."""
    names = [option.opts[0] for option in _visible(command) if _IDLE.issuperset(option.opts)]
    listed = ", ".join(f"`{name}`" for name in names)
    return (
        _wrapped(f"Known from Jenkins X 2; without effect here, which the command says: {listed}.")
        if names
        else ""
    )


def _visible(command: click.Command) -> Iterator[click.Option]:
    """The command's own options; --help is everywhere."""
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield option


def _installs_too(row: Row, command: click.Command) -> bool:
    """Whether a command has all flags of `jx install`, which need no second table."""
    return (
        row.words != "install" and {name for option in _visible(command) for name in option.opts} >= _INSTALL
    )


def _paragraphs(text: str) -> list[str]:
    return [_wrapped(_prose(part)) for part in text.split("\n\n") if part.strip()]


def _prose(text: str) -> str:
    """Plain text as Markdown: placeholders in angle brackets are not HTML, a default is code."""
    shown = re.sub(r"\s*\[default: (.*)\]$", r" Default: `\1`.", text)
    return _cell(re.sub(r"<(\w+)>", r"\\<\1>", shown))


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _settings() -> str:
    fields = list(_fields(settings.Settings))
    rows = [field for field in fields if field.startswith("`")]
    others = [field for field in fields if not field.startswith("`")]
    table = []
    for field in rows:
        names, _, meaning = field.partition(": ")
        table.append(f"| {names} | {_cell(meaning[0].upper() + meaning[1:])} |")
    parts = [
        "# Settings",
        _NOTE.format(source="the fields' text in `src/jx/config/settings.py`"),
        _wrapped(_ABOUT_SETTINGS),
        "\n".join(["| variable | |", "| --- | --- |", *table]),
        *(_wrapped(text) for text in others),
        "`NO_COLOR`, or `TERM=dumb`, turns colours and moving lines off; so does output that is no terminal.",
        _wrapped(_ABOUT_TOKENS),
    ]
    return "\n\n".join(parts) + "\n"


def _fields(kind: type) -> Iterator[str]:
    """The texts below the fields of a class, in order, each as one line."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            yield " ".join(str(text.value.value).split())


def _exit_codes() -> str:
    codes = {
        name: code for name, code in vars(exit_codes).items() if name.isupper() and isinstance(code, int)
    }
    table = [f"| {code} | {_WHEN[name]} |" for name, code in sorted(codes.items(), key=lambda item: item[1])]
    kinds = sorted(_kinds(errors.JxError), key=lambda kind: (exit_codes.code_of(kind("")), kind.__name__))
    rows = [
        f"| {exit_codes.code_of(kind(''))} | `{kind.__name__}` | {_first_sentence(kind)} |" for kind in kinds
    ]
    parts = [
        "# Exit codes",
        _NOTE.format(source="`src/jx/cli/exit_codes.py` and `src/jx/domain/errors.py`"),
        "\n".join(["| code | when |", "| --: | --- |", *table]),
        _wrapped(_ABOUT_ONE),
        "## Errors and their codes",
        "Scripts should look at the code, never at the text.",
        "\n".join(["| code | error | meaning |", "| --: | --- | --- |", *rows]),
    ]
    return "\n\n".join(parts) + "\n"


def _json(data: Any) -> str:
    return json.dumps(data, indent=2) + "\n"


def _pipeline_file() -> str:
    kinds = project_schema()["$defs"] | pack_schema()["$defs"]
    first = [
        "ProjectFile",
        "PipelineConfig",
        "Pipelines",
        "Lifecycles",
        "Lifecycle",
        "Pipeline",
        "Stage",
        "Step",
    ]
    parts = [
        "# Pipeline files",
        _NOTE.format(source="the types in `src/jx/domain/pipelines/syntax.py`"),
        _wrapped(_ABOUT_FILE),
    ]
    for name in (*first, *(name for name in kinds if name not in first)):
        parts += [f"## {name}", kinds[name]["description"], _keys(kinds[name])]
    return "\n\n".join(parts) + "\n"


def _keys(kind: dict[str, Any]) -> str:
    needed = kind.get("required", ())
    rows = [
        f"| `{key}` | {_written_as(one)} | {_cell(one['description'])}{' **Required.**' if key in needed else ''} |"
        for key, one in kind["properties"].items()
    ]
    return "\n".join(["| key | is | |", "| --- | --- | --- |", *rows])


def _written_as(one: dict[str, Any]) -> str:
    """How the value of a key is written, from its schema."""
    if "anyOf" in one:  # or nothing at all
        return _written_as(one["anyOf"][0])
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in one:
        return "a word"
    kind = next(iter([one["type"]] if isinstance(one["type"], str) else one["type"]))
    if kind == "array":
        return f"list of {_written_as(one['items'])}"
    if kind == "object":
        inner = one.get("additionalProperties")
        return f"names, each with {_written_as(inner)}" if inner else "as in Kubernetes"
    return {"boolean": "true or false", "integer": "a whole number"}.get(kind, "text")


def _kinds(kind: type[errors.JxError]) -> Iterator[type[errors.JxError]]:
    """The errors of the tree below `kind`; guards' own refusals are told by the page on applying."""
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield below
            yield from _kinds(below)


def _first_sentence(kind: type) -> str:
    return _cell(inspect.getdoc(kind) or "").partition("\n")[0]


if __name__ == "__main__":
    main()
