"""Random histories of an environment, and each change of them taken back: what is rendered then equals what the history without
that change renders, or the conflict is told. JX_REVERT_HISTORIES says how many."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from tests.support.shipped import helm

from jx.domain.charts.apps import App
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.environments.edits import Edit, PutApp, RemoveApp, SetValues, SetVersion
from jx.domain.errors import JxError
from jx.domain.history.history import FileChange
from jx.domain.history.reverting import Later, revert
from jx.domain.layouts import umbrella
from jx.domain.ledger.ledger import text_of
from jx.domain.names import AppKey, EnvironmentName
from jx.domain.objects.manifests import Capabilities
from jx.domain.texts.yaml_edit import set_value
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import RenderRequest

COUNT = int(os.environ.get("JX_REVERT_HISTORIES", "6"))
LENGTH = 7
KEYS = ("shop", "blog", "cart")
VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
URL = "https://charts.example.com"
ENVIRONMENT = EnvironmentName("staging")

_TEMPLATE = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Chart.Name }}
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers:
      - name: main
        image: "{{ .Values.image.name }}:{{ .Values.image.tag | default .Chart.Version }}"
        env:
        {{- range $name, $value := .Values.env }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
---
{{- if .Values.host }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .Chart.Name }}
spec:
  rules:
  - host: {{ .Values.host }}
{{- end }}
"""
BASE = Tree(
    {
        "env/Chart.yaml": Blob(
            b"apiVersion: v2\nname: env\nversion: 0.1.0\ndependencies:\n"
            b"- name: shop\n  repository: https://charts.example.com\n  version: 1.0.0\n"
        ),
        "env/values.yaml": Blob(b"# of all apps\nshop:\n  replicas: 1 # enough\n  image:\n    tag: a\n"),
        "jx-requirements.yml": Blob(
            b"apply:\n  environment: staging\n  namespace: jx-staging\n  release: jx\n"
        ),
    }
)


def chart(name: str, version: str) -> Chart:
    files = {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
        "values.yaml": "replicas: 1\nimage: {name: x, tag: ''}\nenv: {A: '1'}\nhost: ''\n",
        "templates/all.yaml": _TEMPLATE.replace("kind: Deployment", f"kind: Deployment # {version}"),
    }
    tree = Tree({path: Blob(text.encode()) for path, text in files.items()})
    return Chart(ChartRef(name, URL, version), version, tree, tree.digest)


CHARTS = {(name, version): chart(name, version) for name in KEYS for version in VERSIONS}


@dataclass(frozen=True)
class Op:
    """One change: what it does to files, what a machine says that it does, and the app it is about."""

    words: str
    key: str
    act: Callable[[Tree], Tree]
    edit: Edit | None = None


def by_machine(words: str, key: str, edit: Edit) -> Op:
    return Op(words, key, lambda tree: umbrella.apply_edit(tree, edit), edit)


def by_person(key: str, file: str, path: tuple[str, ...], value: object) -> Op:
    def act(tree: Tree) -> Tree:
        text = tree.find_text(file) or ""
        return tree.put(file, set_value(text, path, value, file))

    return Op(f"{file} {'.'.join(path)} = {value!r}", key, act)


def draw(chance: random.Random) -> Op:
    """A change of any kind; whether it can be made is another question."""
    key = chance.choice(KEYS)
    name, version = AppKey(key), chance.choice(VERSIONS)
    settings: tuple[tuple[str, object], ...] = (
        ("replicas", chance.randint(1, 4)),
        ("image.tag", chance.choice("abc")),
        ("host", f"{chance.choice('xyz')}.example"),
        ("env.B", chance.choice("123")),
    )
    path, value = chance.choice(settings)
    kind = chance.choice(["add", "upgrade", "set", "remove", "person", "person", "promote"])
    if kind in {"add", "promote"}:
        files = {"README.MD": f"# {key}\n"} if kind == "add" else {}
        return by_machine(
            f"{kind} {key} {version}", key, PutApp(App(name, ChartRef(key, URL, version)), files)
        )
    if kind == "upgrade":
        return by_machine(f"upgrade {key} {version}", key, SetVersion(name, version))
    if kind == "set":
        return by_machine(f"set {key} {path}={value}", key, SetValues(name, {path: value}))
    if kind == "remove":
        return by_machine(f"remove {key}", key, RemoveApp(name))
    steps = tuple(path.split("."))
    if chance.random() < 0.5:
        return by_person(key, "env/values.yaml", (key, *steps), value)
    return by_person(key, f"env/{key}/values.yaml", steps, value)


def is_whole(tree: Tree) -> bool:
    try:
        umbrella.read(tree, name=ENVIRONMENT)
    except JxError:
        return False
    return True


def history(seed: int) -> tuple[list[Op], list[Tree]]:
    """Changes that can be made one after the other, and the files before, between and after them."""
    chance = random.Random(seed)
    ops: list[Op] = []
    trees = [BASE]
    while len(ops) < LENGTH:
        op = draw(chance)
        try:
            tree = op.act(trees[-1])
        except JxError:
            continue
        if tree != trees[-1] and is_whole(tree):
            ops.append(op)
            trees.append(tree)
    return ops, trees


def without(ops: list[Op], number: int, begin: Tree) -> Tree | None:
    """The files as they had been without a change; None where a later one could not have been made then."""
    tree = begin
    for op in ops[number + 1 :]:
        try:
            tree = op.act(tree)
        except JxError:
            return None
    return tree if is_whole(tree) else None


def rendered(tree: Tree) -> dict[str, str]:
    spec = umbrella.read(tree, name=ENVIRONMENT)
    charts = {app.key: CHARTS[app.chart.name, app.chart.version] for app in spec.apps}
    found = helm().render(RenderRequest("jx", "jx-staging", spec.chart, charts, Capabilities(), {}))
    return {str(one.ref): text_of(one.body) + one.source for one in found.objects}


def later(ops: list[Op], trees: list[Tree], number: int) -> list[Later]:
    found = []
    for op, (one, other) in zip(ops[number + 1 :], pairwise(trees[number + 1 :]), strict=True):
        rows = (
            (path, one.find_text(path), other.find_text(path)) for path in sorted({*one.files, *other.files})
        )
        files = tuple(FileChange(*row) for row in rows if row[1] != row[2])
        found.append(Later(op.words, files, op.edit if op.key == ops[number].key else None))
    return found


@pytest.mark.parametrize("seed", range(COUNT))
def test_every_change_of_a_history_goes_back_as_if_it_had_never_been_or_says_why_not(seed: int) -> None:
    ops, trees = history(seed)
    told = 0
    for number, op in enumerate(ops):
        wanted = without(ops, number, trees[number])
        found = revert(trees[number], trees[number + 1], trees[-1], op.edit, later(ops, trees, number))
        if found.conflicts:
            told += 1
            assert any(one.key == op.key for one in ops[number + 1 :]), f"{op.words}: {found.conflicts}"
            continue
        if wanted is None:
            continue
        story = "\n".join(["", *(one.words for one in ops), f"without: {op.words}"])
        assert rendered(found.tree) == rendered(wanted), story
    assert told < len(ops)
