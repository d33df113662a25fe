"""Values as YAML that every reader reads alike, for new text; text that is there is edited by `yaml_edit`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import yaml

from jx.domain.texts.yaml_scalars import TAG_PREFIX, tag_of


class _Dumper(yaml.SafeDumper):
    """Writes what every reader reads alike: Go's table and PyYAML's own both have to take a plain scalar for what it is."""

    indent_lists = True

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: FBT001, FBT002 (PyYAML's own)
        return super().increase_indent(flow, indentless and not self.indent_lists)

    def check_simple_key(self) -> bool:
        """Keys are written as `key:`, never as `? key`, unless they are longer than YAML allows."""
        return len(getattr(self.event, "value", "")) < 500 or bool(super().check_simple_key())

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        tag = str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]
        if kind is not yaml.ScalarNode or not implicit[0]:
            return tag
        go = TAG_PREFIX + tag_of(value)
        return go if tag == TAG_PREFIX + "str" else tag


class _CompactDumper(_Dumper):
    indent_lists = False


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.removesuffix("\n").split("\n")
    if not all(line.isprintable() for line in lines) or not (lines[-1] or text == ""):
        style = '"'  # tabs, other line breaks and the invisible are escaped; so are empty lines at the end
    else:
        style = "|" if "\n" in text and all(line == line.rstrip() for line in lines) else ""
    return dumper.represent_scalar(TAG_PREFIX + "str", text, style=style or None)


def _represent_float(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    text = repr(number) if "e" in repr(number) or not number.is_integer() else f"{number:.1f}"
    return dumper.represent_scalar(TAG_PREFIX + "float", text)


for _dumper in (_Dumper, _CompactDumper):
    _dumper.add_representer(str, _represent_text)
    _dumper.add_representer(float, _represent_float)


def write_yaml(value: Any, *, indent_lists: bool = True, flow: bool = False) -> str:
    """A value as YAML: keys in the order given, long lines left long, texts of several lines as blocks."""
    plain = dict(value) if isinstance(value, Mapping) else value
    return yaml.dump(
        plain,
        Dumper=_Dumper if indent_lists else _CompactDumper,
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=True,
        width=math.inf,
    )
