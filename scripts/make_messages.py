"""Compacts Kubernetes' protobuf field numbers into the table by which the embedded API server reads protobuf bodies.

Usage: python scripts/make_messages.py FOLDER_OF_K8S_IO_API FOLDER_OF_K8S_IO_APIMACHINERY

The folders are the Go modules `k8s.io/api` and `k8s.io/apimachinery`. Their generated.proto files say the types of
fields; their Go structs say which fields are pointers, are written into their parent, or are left out when zero.
"""

import argparse
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src/jx/adapters/local/kubernetes/types/messages.json.gz"

_MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.M | re.S)
_FIELD = re.compile(r"^\s+(?:(optional|repeated|required) )?(map<\w+, [\w.]+>|[\w.]+) (\w+) = (\d+);", re.M)
_PACKAGE = re.compile(r"^package ([\w.]+);", re.M)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
_MEMBER = re.compile(r'^\s+(?:\w+\s+)?(\*?)[^\s`]+\s+`[^`]*?protobuf:"\w+,(\d+),[^`]*`', re.M)
_JSON = re.compile(r'json:"([^"]*)"')
_SCALARS = {"string", "bytes", "bool", "int32", "int64", "uint32", "uint64", "double"}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    table: dict[str, Any] = {}
    for folder in parser.parse_args().folders:
        for proto in sorted(folder.rglob("generated.proto")):
            table |= dict(_messages(proto))
    text = json.dumps(table, sort_keys=True, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(text, 9, mtime=0))


def _messages(proto: Path) -> Iterator[tuple[str, Any]]:
    text = re.sub(r"^\s*//.*\n", "", proto.read_text(), flags=re.M)
    package = _PACKAGE.findall(text)[0]
    structs = _structs(proto.parent)
    for name, body in _MESSAGE.findall(text):
        members = structs.get(name, {})
        fields = {}
        for label, kind, field, number in _FIELD.findall(body):
            json_name, always, pointer = members.get(number, (field, False, False))
            mode = "list" if label == "repeated" else "pointer" if pointer else "always" if always else ""
            if kind.startswith("map<"):
                mode, kind = "map", kind.removesuffix(">").partition(", ")[2]
            fields[number] = [json_name, _full(kind, package), mode]
        yield f"{package}.{name}".removeprefix("k8s.io."), fields


def _full(kind: str, package: str) -> str:
    if kind in _SCALARS:
        return kind
    return (kind.removeprefix(".") if "." in kind else f"{package}.{kind}").removeprefix("k8s.io.")


def _structs(folder: Path) -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """For each struct and field number: the name in JSON ("" where it is inlined), written when zero, a pointer."""
    structs: dict[str, dict[str, tuple[str, bool, bool]]] = {}
    for source in sorted(folder.glob("*.go")):
        if source.name.endswith(("_test.go", ".pb.go")) or source.name.startswith("zz_"):
            continue
        for name, body in _STRUCT.findall(source.read_text()):
            members = structs.setdefault(name, {})
            for match in _MEMBER.finditer(body):
                tag = _JSON.search(match[0])
                json_name, *options = tag[1].split(",") if tag else [""]
                omitted = any(option in ("omitempty", "omitzero") for option in options)
                members[match[2]] = (json_name, not omitted, bool(match[1]))
    return structs


if __name__ == "__main__":
    main()
