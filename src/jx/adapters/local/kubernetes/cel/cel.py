"""The Common Expression Language as Kubernetes speaks it: expressions are compiled once and evaluated on JSON values.

The one module that names the CEL library; it is imported when the first expression is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

CelType: TypeAlias = str
"""As CEL writes types: `dyn`, `int`, `map(string, dyn)`, `list(int)`, `google.protobuf.Timestamp`."""

ANY: CelType = "dyn"
_CODE = re.compile(r"^[A-Z_]+: ")
_TRAILER = re.compile(r" \[[A-Z_]+\]$")
_QUALIFIED = re.compile(
    r"<input>:(\d+):(\d+): undeclared reference to '([\w]+(?:\.[\w]+)+)'([^\n]*)(\n \|[^\n]*\n \| )(\.*)\^"
)
_OVERLOAD = re.compile(
    r"found no matching overload for '(\w+)' applied to '\(([^,()]+)((?:, [^']*)?)\)'\n \| ([^\n]*)\n \| (\.*)\^"
)
_MISSING_KEY = re.compile(r'Key not found in map : "?(.*?)"?$')
_OUT_OF_BOUNDS = re.compile(r"Index error: index=(-?\d+)")
_CONVERSION = re.compile(
    r"cannot convert string to (\w+)|Type conversion error from 'string' to '(\w+)'|String to (\w+) conversion failed"
)
_PATTERN_MISTAKE = re.compile(r"invalid regular expression: ([^:]*)(?:: (.*))?", re.DOTALL)
_PATTERN_MISTAKES = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "trailing \\": "trailing backslash at end of expression",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}
_OUT_OF_RANGE = re.compile(r"\w+ out of (u?int64) range")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class CompilationError(ValueError):
    """An expression that cannot be read, or that does not fit the types of its variables; the text says where."""


class EvaluationError(ValueError):
    """An expression that has no value for these variables, in the words of the real server's CEL."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression."""

    source: str
    type: CelType
    names: frozenset[str]
    """The variables that it may use."""
    _program: Any

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The value as JSON has it; EvaluationError where there is none."""
        given = {name: _representable(variables[name]) for name in self.names if name in variables}
        result = self._program.eval(data=given)
        if result.type().name() == "ERROR":
            raise EvaluationError(_runtime_message(str(result.value())))
        return result.plain_value()


def compiled(source: str, variables: Mapping[str, CelType]) -> Expression:
    """Compile an expression on typed variables; CompilationError where that fails."""
    return _compiled(source, tuple(sorted(variables.items())))


@lru_cache(maxsize=4096)
def _compiled(source: str, variables: tuple[tuple[str, CelType], ...]) -> Expression:
    try:
        program = _environment(variables).compile(_without_optionals(source))
    except RuntimeError as error:
        raise CompilationError(_compilation_message(str(error))) from error
    words = set(re.findall(r"[A-Za-z_]\w*", source))
    names = frozenset(name for name, _ in variables if name in words)
    return Expression(source, program.return_type().name().lower(), names, program)


def _without_optionals(source: str) -> str:
    if ".validate(" not in source:
        return source
    from jx.adapters.local.kubernetes.cel import cel_formats

    return cel_formats.without_optionals(source)


@lru_cache(maxsize=256)
def _environment(variables: tuple[tuple[str, CelType], ...]) -> Any:
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

    from jx.adapters.local.kubernetes.cel.cel_formats import FORMATS
    from jx.adapters.local.kubernetes.cel.cel_functions import FUNCTIONS

    declared = [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    f"{name}_{index}",
                    return_type=_type(one.result),
                    parameters=[_type(parameter) for parameter in one.parameters],
                    is_member=one.is_member,
                    impl=one.call,
                )
                for index, one in enumerate(overloads)
            ],
        )
        for name, overloads in {**FUNCTIONS, **FORMATS}.items()
    ]
    extensions = [
        ext_strings.ExtStrings(),
        ext_optional.ExtOptional(),
        ext_math.ExtMath(),
        ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders(),
    ]
    types = {name: _type(kind) for name, kind in variables}
    return cel.NewEnv(variables=types, functions=declared, extensions=extensions)


def _type(text: CelType) -> Any:
    from cel_expr_python import cel

    if text.startswith("list("):
        return cel.Type.List(_type(text[5:-1]))
    if text.startswith("map("):
        key, _, value = text[4:-1].partition(", ")
        return cel.Type.Map(_type(key), _type(value))
    return cel.Type(text)


def _representable(value: Any) -> Any:
    """CEL's integers have 64 bits; JSON numbers beyond them are doubles."""
    if isinstance(value, dict):
        return {key: _representable(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_representable(child) for child in value]
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return float(value)
    return value


def _compilation_message(text: str) -> str:
    """The library's text; where it names `a.b` at its point, the real server names `a` where that begins."""
    text = _TRAILER.sub("", _CODE.sub("", text))

    def rooted(match: re.Match[str]) -> str:
        line, column, name, rest, shown, dots = match.groups()
        back = len(name.rpartition(".")[0])
        root = name.partition(".")[0]
        at = int(column) - back
        return f"<input>:{line}:{at}: undeclared reference to '{root}'{rest}{shown}{dots[back:]}^"

    return _OVERLOAD.sub(_of_member, _QUALIFIED.sub(rooted, text))


def _of_member(match: re.Match[str]) -> str:
    """Of a call on a value, the real server tells the value's type apart from those of the arguments."""
    name, first, rest, line, dots = match.groups()
    if not line[: len(dots)].endswith(f".{name}"):
        return match[0]
    return match[0].replace(f"'({first}{rest})'", f"'{first}.({rest.removeprefix(', ')})'")


def _runtime_message(text: str) -> str:
    text = _CODE.sub("", text)
    if missing := _MISSING_KEY.search(text):
        return f"no such key: {missing.group(1)}"
    if outside := _OUT_OF_BOUNDS.search(text):
        return f"index out of bounds: {outside.group(1)}"
    if text.startswith(("No matching overloads found", "Applying SELECT to non-message")):
        return "no such overload"
    if conversion := _CONVERSION.match(text):
        kind = next(group for group in conversion.groups() if group)
        named = {"Duration": "google.protobuf.Duration", "Timestamp": "google.protobuf.Timestamp"}.get(
            kind, kind
        )
        return f"type conversion error from 'string' to '{named}'"
    if pattern := _PATTERN_MISTAKE.fullmatch(text):
        mistake = _PATTERN_MISTAKES.get(pattern[1], pattern[1])
        return f"error parsing regexp: {mistake}: `{pattern[2] or ''}`"
    if outside := _OUT_OF_RANGE.match(text):
        return "unsigned integer overflow" if outside[1] == "uint64" else "integer overflow"
    return {"divide by zero": "division by zero"}.get(text, text)
