"""Whatever a chart makes of a secret, no piece of it is shown: charts whose templates put values through functions at random."""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.worlds import World, environment_tree

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import JxError
from jx.domain.ledger import diffing
from jx.domain.trees import Tree

ONES = 'b64enc,b32enc,urlquery,toJson,quote,squote,upper,lower,title,nospace,snakecase,kebabcase,toYaml,trimAll "a"'
CUTS = 'trunc 9,substr 2 14,trunc -11,abbrev 12,printf "%x",printf "%q",printf "%X",replace "a" "b",repeat 2,wrap 7,indent 2'
MADE = 'sha256sum,sha1sum,adler32sum,encryptAES "some text",len'
LISTED = 'splitList "\\n" | reverse | join "\\n",splitList "" | join "-",splitList "" | reverse | join "",splitList "\\n" | last'
STEPS = [step for part in (ONES, CUTS, MADE, LISTED) for step in part.split(",")]
SLOW = ['htpasswd "ann"', "bcrypt", 'derivePassword 1 "long" "word" "ann"']
"""One of these in a chart is enough."""
PIECE = 9
"""Bytes: no shorter piece of a value is looked for, since others may have it."""

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {{name: held}}\ndata:\n  k0: {{{{ {0} | toString | b64enc | quote }}}}\n"
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: conf}}
data:
  plain: {{{{ .Values.plain | quote }}}}
  alone: {{{{ {0} | toString | toJson }}}}
  within: {{{{ dict "deep" (list ({1} | toString) .Values.plain) | toJson | quote }}}}
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata:
      labels: {{app: web}}
      annotations: {{made: {{{{ {0} | toString | toJson }}}}}}
    spec:
      containers:
      - name: web
        image: "web:1"
        args: {{{{ list "--with" ({1} | toString) | toJson }}}}
        env: [{{name: A, value: {{{{ {2} | toString | toJson }}}}}}]
"""
SHAPED = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: shaped}}
data:
{{{{- if contains "e" (.Values.one | toString) }}}}
  chosen: {{{{ {0} | toString | toJson }}}}
{{{{- end }}}}
{{{{- range $number, $line := splitList "a" ({1} | toString) }}}}
  line-{{{{ $number }}}}: {{{{ $line | toJson }}}}
{{{{- end }}}}
"""
ALLOWED = [
    {"kind": "ConfigMap", "name": "*", "field": "data"},
    {"kind": "Deployment", "name": "*", "field": "spec"},
]


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


_SIGNS = string.ascii_letters + string.digits + "+/ &%$@:\"'\\"


def _value(kind: str, seed: int) -> str:
    """A password, a block of PEM, or a text of JSON; no two share a piece by chance."""
    chance = random.Random(f"{kind} {seed}")
    word = "".join(chance.choices(_SIGNS, k=chance.randint(14, 40))).strip()
    lines = ["".join(chance.choices(string.ascii_letters + string.digits, k=24)) for _ in range(3)]
    match kind:
        case "block":
            return "\n".join(("-----BEGIN KEY-----", *lines, "-----END KEY-----\n"))
        case "json":
            return json.dumps({"user": "ann", "key": word})
        case _:
            return word


_VALUES = st.builds(_value, st.sampled_from(["word", "word", "block", "json"]), st.integers(0, 2**32))


@st.composite
def _expressions(draw: st.DrawFn, last: tuple[str, ...] = ()) -> str:
    """A value of one of the secrets, or of both, through a few functions. Each of them wants a text, and gets one."""
    sources = [".Values.one", ".Values.two", '(printf "a:%s@%v" .Values.one .Values.two)']
    steps = draw(st.lists(st.sampled_from(STEPS), max_size=3))
    ends = [draw(st.sampled_from(last))] if last else []
    return "(" + " | toString | ".join([draw(st.sampled_from(sources)), *steps, *ends]) + ")"


_CHARTS = st.tuples(*[_expressions()] * 7, _expressions(tuple(SLOW) + ("b64enc",) * 3))


def _forms(value: str) -> Iterator[str]:
    """A value as it is and as it is written elsewhere; in base64 at each of the three places where it can begin."""
    yield from (value, value.upper(), value.lower(), value[::-1], "\n".join(reversed(value.split("\n"))))
    yield from (
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(json.dumps(value))[1:-1],
    )
    yield from (value.encode().hex(), value.encode().hex().upper(), base64.b32encode(value.encode()).decode())
    for start in range(3):
        yield base64.b64encode(b"\0" * start + value.encode()).decode()[4 if start else 0 : -4]
    yield base64.b64encode(base64.b64encode(value.encode())).decode()[:-4]


def _pieces(value: str) -> set[str]:
    """All pieces of all forms, but for what every block of PEM and every JSON has."""
    texts = {re.sub(r"-----(BEGIN|END) KEY-----", "\n", form, flags=re.IGNORECASE) for form in _forms(value)}
    always = '-----BEGIN KEY-----\n{"user": "ann", "key": "\n-----END KEY-----\n'
    known = {piece for form in _forms(always) for piece in _cut(form)}
    return {piece for text in texts for piece in _cut(text)} - known


def _cut(text: str) -> set[str]:
    return {text[start : start + PIECE] for start in range(len(text) - PIECE + 1)}


def _tree(apps: dict[str, str]) -> Tree:
    tree = environment_tree(apps)
    values = {"one": "vault:dev/a:one", "two": "vault:dev/b:two", "plain": "plain text"}
    tree = tree.put("env/shop/values.yaml", json.dumps(values))
    allowed = f"secrets: {{fields: {json.dumps(ALLOWED)}}}\n"
    return tree.put("jx-requirements.yml", tree.text("jx-requirements.yml") + allowed)


def _told(world: World) -> Iterator[str]:
    """Plans, diffs and errors of a check and of an apply."""
    for act in (world.check_head, world.apply_head, world.apply_head):
        try:
            done: Any = act()
        except JxError as error:
            problems = getattr(error, "problems", ())
            yield "\n".join([error.message, error.hint, repr(error), *map(str, problems)])
            continue
        yield repr(done)
        yield diffing.render_diff(done.plan, {})
        yield diffing.render_diff(done.plan, world.check_head().live)
        yield done.plan.digest


def _shown(world: World) -> str:
    """All that can be looked at, but for the cluster's own objects."""
    parts = [*_told(world), *world.ledger_files().values(), world.reporter.text, repr(world.reporter.events)]
    parts += [repr(one) for one in world.ledger_commits()]
    parts += [repr(anchor) for anchor in world.anchors.list_all()]
    return "\n".join(parts)


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(parts=_CHARTS, one=_VALUES, two=_VALUES)
def test_no_piece_of_a_secret_is_shown(
    helm: HelmRenderer, parts: tuple[str, ...], one: str, two: str
) -> None:
    world = World(renderer=helm, secrets=MemorySecrets({"dev/a": {"one": one}, "dev/b": {"two": two}}))
    held, conf, web, shaped = (text.format(*parts[start:]) for text, start in _TEMPLATES)
    world.offer("shop", "1.0.0", held=held, conf=conf, web=web, shaped=shaped)
    world.commit(_tree({"shop": "1.0.0"}))
    shown = _shown(world)
    found = {piece for value in (one, two) for piece in _pieces(value) if piece in shown}
    places = {piece: shown[max(0, shown.index(piece) - 300) :][:400] for piece in sorted(found)[:3]}
    assert not places


_TEMPLATES = ((SECRET, 0), (CONFIG, 1), (WORKLOAD, 3), (SHAPED, 6))
