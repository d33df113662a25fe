"""The renderer's own side: what it says of mistakes, and what its process may and may not do."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jx.adapters.helm.engine import Engine, EngineError
from jx.adapters.helm.manifest_text import split
from jx.adapters.helm.renderer import HelmRenderer
from jx.domain.errors import Failed, Invalid
from jx.domain.objects.manifests import Capabilities
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import RenderRequest


@pytest.fixture(scope="module")
def renderer() -> Iterator[HelmRenderer]:
    helm = HelmRenderer()
    yield helm
    helm.close()


def chart(**files: str) -> RenderRequest:
    texts = {"Chart.yaml": "apiVersion: v2\nname: env\nversion: 0.0.1\n", **files}
    tree = Tree({path: Blob(text.encode()) for path, text in texts.items()})
    return RenderRequest("jx", "prod", tree, {}, Capabilities(), {})


def mistakes(renderer: HelmRenderer, **files: str) -> list[tuple[str, int | None, str]]:
    with pytest.raises(Invalid) as caught:
        renderer.render(chart(**files))
    return [(problem.where, problem.line, problem.what) for problem in caught.value.problems]


A = "templates/a.yaml"


@pytest.mark.parametrize(
    ("template", "line", "reason"),
    [
        ("\n\na: {{ .Values.x.y.z }}", 3, "nil pointer"),
        ("a: {{ .Values.x ", 1, "unclosed action"),
        ('\na: {{ required "name the host" .Values.host }}', 2, "name the host"),
        ('\na: {{ fail "not like this" }}', 2, "not like this"),
        ('\n\n\na: {{ include "nowhere" . }}', 4, "nowhere"),
        ('{{ define "r" }}\n{{ include "r" . }}{{ end }}{{ include "r" . }}', 2, "include"),
    ],
)
def test_a_mistake_in_a_template_has_its_file_line_and_reason(
    renderer: HelmRenderer, template: str, line: int, reason: str
) -> None:
    [(where, found, what)] = mistakes(renderer, **{A: template})

    assert (where, found) == ("env/templates/a.yaml", line)
    assert reason in what
    assert len(what) < 700


def test_a_mistake_in_a_named_template_is_where_it_stands(renderer: HelmRenderer) -> None:
    files = {
        A: '\n\na: {{ include "x" . }}',
        "templates/_x.tpl": '{{ define "x" }}\n{{ .Values.a.b.c }}{{ end }}',
    }

    [(where, line, _)] = mistakes(renderer, **files)

    assert (where, line) == ("env/templates/_x.tpl", 2)


def test_text_that_is_no_yaml_has_the_line_of_the_output(renderer: HelmRenderer) -> None:
    text = "kind: A\n---\nkind: B\nx: y\nmetadata: a: b\n"

    [(where, line, _)] = mistakes(renderer, **{A: text})

    assert (where, line) == ("env/templates/a.yaml", 5)


def test_every_mistake_is_told_at_once(renderer: HelmRenderer) -> None:
    found = mistakes(renderer, **{A: "a: [", "templates/b.yaml": "- a list\n", "templates/c.yaml": "x: ]"})

    assert [where for where, _, _ in found] == [f"env/templates/{name}.yaml" for name in "abc"]


def test_an_object_without_kind_or_name_is_invalid(renderer: HelmRenderer) -> None:
    found = mistakes(renderer, **{A: "apiVersion: v1\nkind: Pod\nmetadata: {}\n---\na: b\n"})

    assert [what for _, _, what in found] == [
        "Pod has no metadata.name",
        "an object has no apiVersion and no kind and no metadata.name",
    ]


def test_values_against_the_schema_are_all_told_without_the_values(renderer: HelmRenderer) -> None:
    schema = {
        "properties": {
            "replicas": {"minimum": 1},
            "password": {"pattern": "^[0-9]+$"},
            "mode": {"enum": ["fast", "slow"]},
        }
    }
    values = "replicas: 0\npassword: hunter22\nmode: fats\n"

    found = mistakes(renderer, **{"values.schema.json": json.dumps(schema), "values.yaml": values})

    assert {where for where, _, _ in found} == {"values of env"}
    assert len(found) == 3
    assert "at '/replicas': minimum: got 0, want 1" in [what for _, _, what in found]
    assert "hunter22" not in str(found)


def test_no_secret_is_quoted_from_a_template_that_fails(renderer: HelmRenderer) -> None:
    files = {
        A: 'a: {{ fail (printf "bad: %s" .Values.db.apiToken) }}',
        "values.yaml": "db: {apiToken: hunter22}\n",
    }

    found = mistakes(renderer, **files)

    assert "hunter22" not in str(found)
    assert "bad: (value)" in found[0][2]


def test_a_secret_that_is_the_name_of_the_chart_leaves_paths_alone(renderer: HelmRenderer) -> None:
    [(where, line, what)] = mistakes(renderer, **{A: '{{ fail "x env y" }}', "values.yaml": "token: env\n"})

    assert (where, line, what) == ("env/templates/a.yaml", 1, "x (value) y")


def test_values_that_are_no_yaml_have_their_line(renderer: HelmRenderer) -> None:
    [(where, line, _)] = mistakes(renderer, **{"values.yaml": "a: b\nc: [\n", A: "a: b"})

    assert where == "values.yaml"
    assert line in {2, 3}


def test_text_is_split_as_helm_splits_it() -> None:
    text = "\n--- \n\na: 1\n---b: 2\n  \n---\n\n--- # c\nd: |\n  ---\n  e\n"

    assert list(split(text)) == [(4, "a: 1\n"), (5, "b: 2\n"), (9, "--- # c\nd: |\n  ---\n  e\n\n")]


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(timeout=30)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: a\nversion: 1.0.0\n")
    (tmp_path / "templates" / "a.yaml").write_text("a: {{ .Values.a }}\n")
    return tmp_path


def worker_of(engine: Engine) -> Any:
    return engine._holder[0]._process


def test_a_process_that_was_killed_is_started_again(engine: Engine, folder: Path) -> None:
    engine.render(folder, {"a": 1}, {})
    os.kill(worker_of(engine).pid, signal.SIGKILL)

    assert engine.render(folder, {"a": 2}, {}).files == {"a/templates/a.yaml": "a: 2\n"}


def test_an_error_leaves_the_process_as_it_is(engine: Engine, folder: Path) -> None:
    engine.render(folder, {}, {})
    first = worker_of(engine).pid
    with pytest.raises(EngineError):
        engine.render(folder / "nowhere", {}, {})

    assert engine.render(folder, {"a": 1}, {}).files == {"a/templates/a.yaml": "a: 1\n"}
    assert worker_of(engine).pid == first


def test_a_render_that_takes_too_long_is_ended(folder: Path) -> None:
    (folder / "templates" / "a.yaml").write_text(
        "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"
    )
    engine = Engine(timeout=0.5)

    with pytest.raises(Failed, match=r"within 0\.5 s"):
        engine.render(folder, {}, {})
    engine.close()


def test_the_process_ends_with_its_input(engine: Engine, folder: Path) -> None:
    engine.render(folder, {}, {})
    process = worker_of(engine)
    process.stdin.close()

    assert process.wait(timeout=10) == 0


def test_threads_share_a_process_and_get_their_own_answers(engine: Engine, folder: Path) -> None:
    found: dict[int, str] = {}

    def render(number: int) -> None:
        found[number] = engine.render(folder, {"a": number}, {}).files["a/templates/a.yaml"]

    threads = [threading.Thread(target=render, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {number: f"a: {number}\n" for number in range(8)}


def test_what_the_engine_prints_is_not_shown(
    engine: Engine, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "templates" / "a.yaml").write_text('{{ required "x" .Values.b }}')
    with pytest.raises(EngineError):
        engine.render(folder, {}, {})

    assert capfd.readouterr() == ("", "")


def test_a_module_of_the_current_folder_is_not_imported(
    engine: Engine, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('caught')")
    (tmp_path / "jx").mkdir()
    monkeypatch.chdir(tmp_path)

    assert engine.render(folder, {"a": 1}, {}).files == {"a/templates/a.yaml": "a: 1\n"}
