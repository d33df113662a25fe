"""`jx step syntax`: checks and schemas of pipeline files, with nothing installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from jx.cli.main import main

GOOD = "pipelineConfig:\n  pipelines:\n    release:\n      build: {steps: [{sh: make, name: make}]}\n"
BAD = "buildpack: go\npipelineConfig: none\n"


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JX_HOME", str(tmp_path / "home"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["step", "syntax", *words])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_a_good_file_is_said_to_be_good(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x.yml").write_text(GOOD)
    assert run(capsys, "validate") == (0, "Successfully validated jenkins-x.yml\n", "")


def test_all_mistakes_of_a_file_are_told_with_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x.yml").write_text(BAD)
    code, out, err = run(capsys, "validate", "pipeline")
    assert (code, out) == (5, "")
    assert err.splitlines()[:3] == [
        "error: there are mistakes in jenkins-x.yml",
        "  jenkins-x.yml:1: buildpack is not known here; did you mean buildPack?",
        "  jenkins-x.yml:2: pipelineConfig is a mapping, not 'none'",
    ]


def test_programs_get_the_mistakes_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x-deploy.yml").write_text(BAD)
    code, out, err = run(capsys, "validate", "-c", "deploy", "-o", "json")
    assert (code, err) == (5, "")
    assert json.loads(out) == {
        "files": ["jenkins-x-deploy.yml"],
        "valid": False,
        "problems": [
            {"file": "jenkins-x-deploy.yml", "line": 1, "problem": "buildpack is not known here; did you mean buildPack?"},
            {"file": "jenkins-x-deploy.yml", "line": 2, "problem": "pipelineConfig is a mapping, not 'none'"},
        ],
    }  # fmt: skip


def test_what_is_wrong_only_with_the_whole_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = "buildPack: none\n" + GOOD + "    overrides:\n    - {name: mak, step: {sh: a}}\n"
    Path("jenkins-x.yml").write_text(text)
    code, _, err = run(capsys, "validate")
    assert (code, "jenkins-x.yml:7: there is nothing to change: no step mak" in err) == (5, True)
    Path("jenkins-x.yml").write_text(text.replace("none", "go"))  # the pack may have that step
    assert run(capsys, "validate")[0] == 0


def test_a_file_by_which_nothing_can_be_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x.yml").write_text("env: [{name: A, value: b}]\n")
    code, _, err = run(capsys, "validate")
    assert (code, "jenkins-x.yml: set buildPack, or none for pipelines of its own" in err) == (5, True)
    Path("go.mod").write_text("")
    assert run(capsys, "validate")[0] == 0


def test_what_is_no_yaml_is_told_with_its_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x.yml").write_text("buildPack: none\n  pipelineConfig: }\n")
    code, _, err = run(capsys, "validate")
    assert code == 5
    assert "jenkins-x.yml:2: mapping values are not allowed" in err


def test_a_folder_without_a_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "validate")
    assert code == 4
    assert err.startswith("error: there is no jenkins-x.yml\n")


def test_build_packs_are_checked_all_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"packs/go": "pipelines: {}\n", "packs/c": "Agent: {}\n"}.items():
        Path(name).mkdir(parents=True)
        Path(name, "pipeline.yaml").write_text(text)
    Path("packs/imports.yaml").write_text("modules:\n- {name: classic}\n")
    code, _, err = run(capsys, "validate", "buildpacks")
    assert code == 5
    assert "packs/c/pipeline.yaml:1: Agent is not known here; did you mean agent?" in err
    assert "packs/imports.yaml:2: gitUrl is missing" in err
    assert run(capsys, "validate", "buildpacks", "-d", "packs/go")[:2] == (
        0,
        "Successfully validated pipeline.yaml\n",
    )


def test_build_packs_that_cannot_extend_what_they_name_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for name, base in {
        "a": "../b/pipeline.yaml",
        "b": "../a/pipeline.yaml",
        "c": "../d/pipeline.yaml",
    }.items():
        Path("packs", name).mkdir(parents=True)
        Path("packs", name, "pipeline.yaml").write_text(f"extends:\n  file: {base}\n")
    Path("packs/e").mkdir()
    Path("packs/e/pipeline.yaml").write_text("extends: {import: elsewhere, file: a/pipeline.yaml}\n")
    code, _, err = run(capsys, "validate", "buildpacks")
    assert code == 5
    a, b = (f"packs/{name}/pipeline.yaml" for name in "ab")
    assert err.splitlines()[1:4] == [
        f"  {b}:2: {a} -> {b} -> {a}",
        f"  {a}:2: {b} -> {a} -> {b}",
        "  packs/c/pipeline.yaml:2: there is no file packs/d/pipeline.yaml",
    ]


def test_a_link_out_of_the_folder_is_not_followed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yml").write_text("secret: of somebody\n")
    Path("jenkins-x.yml").symlink_to(tmp_path / "elsewhere.yml")
    code, out, err = run(capsys, "validate")
    assert code == 5
    assert "symbolic links are not allowed" in err
    assert "secret" not in out + err


def test_a_file_that_nobody_can_have_written_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x.yml").write_text("# " + "x" * (1 << 20) + "\n")
    code, _, err = run(capsys, "validate")
    assert (code, "jenkins-x.yml: larger than 1 MiB" in err) == (5, True)
    Path("jenkins-x.yml").write_bytes(b"buildPack: \xff\n")
    code, _, err = run(capsys, "validate")
    assert (code, "jenkins-x.yml:1: the byte 0xff is none of a text in UTF-8" in err) == (5, True)


def test_a_folder_to_write_into_must_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x.yml").write_text("buildPack: none\n" + GOOD)
    for words in (
        ["effective", "--output-dir", "gone"],
        ["effective", "--output-file", "gone/a.yml"],
        ["schema", "-o", "gone/a"],
    ):
        assert run(capsys, *words) == (
            4,
            "",
            "error: there is no folder gone\nhint: make it first, or name another one\n",
        )


def test_the_schemas_are_printed_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "schema")
    assert code == 0
    assert "pipelineConfig" in json.loads(out)["$defs"]["ProjectFile"]["properties"]
    assert run(capsys, "schema", "--buildpack", "-o", "pack.json")[:2] == (0, "Written to pack.json\n")
    assert json.loads(Path("pack.json").read_text())["$ref"] == "#/$defs/PipelineConfig"


def test_the_effective_form_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jenkins-x.yml").write_text("buildPack: none\n" + GOOD)
    code, out, _ = run(capsys, "effective", "-e", "COLOR=a=b", "-o", "json")
    assert code == 0
    pipeline = json.loads(out)["pipelineConfig"]["pipelines"]["release"]["pipeline"]
    assert pipeline["env"] == [{"name": "COLOR", "value": "a=b"}]
    assert [step["name"] for step in pipeline["stages"][0]["steps"]] == [
        "setup-jx-git-credentials",
        "build-make",
    ]


def test_a_project_may_extend_files_of_its_own_wherever_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ci/[a]").mkdir(parents=True)
    Path("jenkins-x.yml").write_text(
        "buildPack: none\npipelineConfig:\n  extends: {file: 'ci/[a]/one.yaml'}\n"
    )
    Path("ci/[a]/one.yaml").write_text("extends: {file: ../two.yaml}\n")
    Path("ci/two.yaml").write_text("agent: {image: go}\n" + GOOD.partition("\n")[2].replace("\n  ", "\n")[2:])
    code, out, err = run(capsys, "effective", "-s")
    assert (code, err) == (0, "")
    assert "name: build-make\n" in out
    Path("ci/two.yaml").unlink()
    code, _, err = run(capsys, "validate")
    assert (code, "ci/[a]/one.yaml:1: there is no file ci/two.yaml" in err) == (5, True)


def test_a_variable_without_a_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "effective", "-e", "COLOR")
    assert code == 2
    assert err == "error: 'COLOR' has no name and value\nhint: write NAME=VALUE\n"


def test_packs_come_from_clones_and_from_repositories(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kubernetes, classic = tmp_path / "kubernetes", tmp_path / "classic"
    for folder, name, text in (
        (classic, "go/pipeline.yaml", "agent: {image: go}\npipelines: {release: {build: {steps: [{sh: make, name: make}]}}}\n"),
        (kubernetes, "go/pipeline.yaml", "extends: {import: classic, file: go/pipeline.yaml}\n"),
        (kubernetes, "imports.yaml", f"modules: [{{name: classic, gitUrl: 'file://{classic}', gitRef: main}}]\n"),
    ):  # fmt: skip
        path = folder / "packs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in (kubernetes, classic):
        git = ["git", "-C", str(folder), "-c", "user.name=ann", "-c", "user.email=ann@example.com"]
        for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Packs"]):
            subprocess.run([*git, *words], check=True)
    Path("go.mod").write_text("module shop\n")
    by_url = run(capsys, "effective", "-s", "-u", f"file://{kubernetes}", "-r", "main")
    by_folder = run(capsys, "effective", "-s", "--packs", str(kubernetes), "--packs", f"classic={classic}")
    assert by_url == by_folder
    assert (by_url[0], "name: build-make\n" in by_url[1]) == (0, True)
    code, _, err = run(capsys, "effective", "-u", f"file://{kubernetes}", "-r", "gone")
    assert (code, "has no branch or tag gone" in err) == (4, True)


def test_the_effective_form_is_written_where_it_was_told_and_needs_no_packs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("jenkins-x-deploy.yml").write_text("buildPack: none\n" + GOOD)
    assert run(capsys, "effective", "-c", "deploy", "--output-dir", ".")[1] == (
        "Effective pipeline written to ./jenkins-x-deploy-effective.yml\n"
    )
    Path("jenkins-x-deploy-effective.yml").replace("jenkins-x.yml")
    assert run(capsys, "validate")[0] == 0
