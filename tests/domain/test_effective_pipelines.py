"""Effective pipelines: build packs, what a project adds, overrides, defaults, and that doing it twice changes nothing."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from jx.domain.errors import Invalid, NotFound
from jx.domain.names import Repo
from jx.domain.pipelines import files
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs, detect_pack, read_imports
from jx.domain.pipelines.shapes import write_shape
from jx.domain.pipelines.syntax import EnvVar, ProjectFile
from jx.domain.texts.yaml_text import write_yaml
from jx.domain.trees import Tree

SHOP = Project(repo=Repo("https://git.example.com/Cheese/Shop.git"))


def tree(**texts: str) -> Tree:
    made = Tree()
    for name, text in texts.items():
        made = made.put(name.replace("__", "/").replace("_yaml", ".yaml"), textwrap.dedent(text))
    return made


CLASSIC = tree(
    packs__pipeline_yaml="""
        pipelines:
          release:
            setup:
              steps:
              - {groovy: "git 'https://REPLACE_ME_GIT_PROVIDER/REPLACE_ME_ORG/REPLACE_ME_APP_NAME.git'", when: prow}
              - {sh: git checkout master, when: "!prow"}
          post:
            steps:
            - groovy: always
              when: "!prow"
              steps: [{groovy: cleanWs()}]
        """,
    packs__go__pipeline_yaml="""
        extends: {file: ../pipeline.yaml}
        agent:
          label: jenkins-go
          container: go
          dir: /home/jenkins/go/src/REPLACE_ME_GIT_PROVIDER/REPLACE_ME_ORG/REPLACE_ME_APP_NAME
        env: [{name: GOFLAGS, value: -mod=mod}, {name: COLOR, value: red}]
        pipelines:
          pullRequest:
            build:
              steps: [{sh: make linux, name: make-linux}]
          release:
            setVersion:
              steps: [{sh: 'echo \\$(next-version) > VERSION', name: next-version}]
            build:
              steps: [{sh: make build, name: make-build}]
        """,
)
KUBERNETES = tree(
    packs__imports_yaml="modules: [{name: classic, gitUrl: https://git.example.com/packs/classic.git}]",
    packs__go__pipeline_yaml="""
        extends: {import: classic, file: go/pipeline.yaml}
        pipelines:
          release:
            build:
              steps:
              - {sh: 'export VERSION=`cat VERSION` && skaffold build', name: container-build}
            promote:
              steps:
              - dir: charts/REPLACE_ME_APP_NAME
                steps:
                - {sh: 'jx step changelog --version v\\$(cat ../../VERSION)', name: changelog}
                - sh: jx step helm release
        """,
)
PACKS = Packs(KUBERNETES, {"classic": CLASSIC})


def effective(text: str, pack: str = "", packs: Packs = PACKS, project: Project = SHOP) -> ProjectFile:
    file = files.parse_project(textwrap.dedent(text))
    return make_effective(file, pack or file.build_pack, packs, project)


def shown(text: str, kind: str, pack: str = "", project: Project = SHOP) -> dict[str, Any]:
    data = write_shape(effective(text, pack, project=project))
    found: dict[str, Any] = data["pipelineConfig"]["pipelines"][kind]
    return found


def steps(text: str, kind: str = "release", stage: int = 0) -> list[str]:
    found = shown(text, kind)["pipeline"]["stages"][stage]["steps"]
    return [f"{step.get('name', '')}: {step['command']}" for step in found]


GO = "buildPack: go\n"


def test_lifecycles_of_packs_become_one_stage_with_the_bases_steps_first() -> None:
    assert steps(GO) == [
        "setup-jx-git-credentials: jx step git credentials",
        "build-make-build: make build",
        "build-container-build: skaffold build",
        "promote-changelog: jx step changelog --version v${VERSION}",
        "promote-step5: jx step helm release",
    ]
    release = shown(GO, "release")
    stage = release["pipeline"]["stages"][0]
    assert (stage["name"], stage["agent"]) == ("from-build-pack", {"image": "go"})
    assert release["pipeline"]["env"] == [
        {"name": "COLOR", "value": "red"},
        {"name": "GOFLAGS", "value": "-mod=mod"},
    ]
    assert "post" not in release["pipeline"]  # the pack's is for Jenkins only


def test_steps_that_make_the_version_are_kept_apart_and_write_the_file() -> None:
    assert shown(GO, "release")["setVersion"] == {
        "steps": [
            {"name": "next-version", "command": "echo $(next-version) > VERSION", "dir": "/workspace/source"}
        ]
    }


def test_folders_have_the_name_of_the_project_and_begin_at_its_source() -> None:
    found = shown(GO, "release")["pipeline"]["stages"][0]["steps"]
    assert [step["dir"] for step in found] == [
        *["/workspace/source"] * 3,
        *["/workspace/source/charts/shop"] * 2,
    ]


def test_a_project_adds_before_and_after_and_replaces() -> None:
    text = """
    buildPack: go
    pipelineConfig:
      agent: {image: golang}
      env: [{name: COLOR, value: blue}]
      pipelines:
        release:
          build:
            preSteps: [{sh: make deps, name: deps}]
            steps: [{sh: make more, name: more}]
          promote:
            replace: true
            steps: [{sh: make ship, name: ship}]
    """
    assert steps(text)[1:] == [
        "build-deps: make deps", "build-make-build: make build", "build-container-build: skaffold build",
        "build-more: make more", "promote-ship: make ship",
    ]  # fmt: skip
    pipeline = shown(text, "release")["pipeline"]
    assert pipeline["stages"][0]["agent"] == {"image": "golang"}
    assert {"name": "COLOR", "value": "blue"} in pipeline["env"]


def test_a_pipeline_of_its_own_goes_before_that_of_the_pack() -> None:
    text = """
    buildPack: go
    pipelineConfig:
      pipelines:
        release:
          pipeline:
            agent: {image: own}
            stages: [{name: only, steps: [{sh: make all}]}]
    """
    assert [stage["name"] for stage in shown(text, "release")["pipeline"]["stages"]] == ["only"]
    assert shown(text, "release")["setVersion"]
    assert steps(text, "pullRequest") == ["build-make-linux: make linux"]


def test_default_is_used_for_each_kind_that_is_not_given() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      agent: {image: all}
      pipelines:
        default:
          stages: [{name: any, steps: [{command: make}]}]
        pullRequest:
          pipeline:
            stages: [{name: check, steps: [{command: make check}]}]
    """
    assert [shown(text, kind)["pipeline"]["stages"][0]["name"] for kind in ("release", "feature", "pullRequest")] == [
        "any", "any", "check",
    ]  # fmt: skip
    assert shown(text, "release")["pipeline"]["agent"] == {"image": "all"}


def test_variables_given_on_the_way_go_before_those_of_the_file() -> None:
    text = GO + "env: [{name: TEAM, value: a}]\n"
    project = Project(env=(EnvVar("COLOR", "green"),))
    env = {one["name"]: one["value"] for one in shown(text, "release", project=project)["pipeline"]["env"]}
    assert env == {"COLOR": "green", "GOFLAGS": "-mod=mod", "TEAM": "a"}


def test_options_of_containers_are_merged_as_kubernetes_merges_them() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      containerOptions:
        env: [{name: A, value: "1"}, {name: B, value: "1"}]
        resources: {limits: {cpu: 2, memory: 1Gi}}
      pipelines:
        release:
          pipeline:
            agent: {image: go}
            options:
              containerOptions:
                env: [{name: B, value: "2"}]
                resources: {limits: {memory: 2Gi}}
            stages: [{name: a, steps: [{command: make}]}]
    """
    assert shown(text, "release")["pipeline"]["options"]["containerOptions"] == {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"limits": {"cpu": 2, "memory": "2Gi"}},
    }


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("{name: make-build, step: {sh: mage}}", ["build-make-build: mage"]),
        ("{name: build-make-build, step: {sh: mage, name: m}}", ["build-m: mage"]),
        ("{name: make-build, type: before, step: {sh: a, name: a}}", ["build-a: a", "build-make-build: make build"]),
        ("{name: make-build, type: after, steps: [{sh: a, name: a}, {sh: b, name: b}]}",
         ["build-make-build: make build", "build-a: a", "build-b: b"]),
        ("{name: make-build}", []),
        ("{name: make-build, pipeline: RELEASE, agent: {image: big}}", ["build-make-build: make build"]),
    ],
)  # fmt: skip
def test_an_override_changes_a_step_by_either_of_its_names(override: str, expected: list[str]) -> None:
    text = f"buildPack: go\npipelineConfig: {{pipelines: {{overrides: [{override}]}}}}\n"
    before, *rest = steps(text)
    assert rest[: len(expected)] == expected
    assert rest[len(expected)] == "build-container-build: skaffold build"
    assert before.startswith("setup-")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("{stage: build, step: {sh: a, name: a}}", ["setup", "build-a", "promote-changelog", "promote-step4"]),
        ("{stage: from-build-pack, pipeline: release, type: after, step: {sh: a, name: a}}",
         ["setup", "build-make-build", "build-container-build", "promote-changelog", "promote-step5", "promote-a"]),
        ("{pipeline: release, step: {sh: a, name: a}}", ["build-a"]),
        ("{stage: promote, pipeline: release}", ["setup", "build-make-build", "build-container-build"]),
    ],
)  # fmt: skip
def test_an_override_changes_the_steps_of_a_stage(override: str, expected: list[str]) -> None:
    text = f"buildPack: go\npipelineConfig: {{pipelines: {{overrides: [{override}]}}}}\n"
    names = [step.partition(":")[0] for step in steps(text)]
    assert [name.replace("setup-jx-git-credentials", "setup") for name in names] == expected


def test_an_override_changes_settings_and_removes_stages_and_pipelines() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      pipelines:
        default:
          agent: {image: go}
          stages:
          - {name: a, steps: [{name: one, command: a}]}
          - name: b
            parallel:
            - {name: c, steps: [{name: one, command: c}]}
            - {name: d, steps: [{name: one, command: d}]}
        overrides:
        - {stage: c, agent: {image: big}, volumes: [{name: cache, emptyDir: {}}],
           containerOptions: {volumeMounts: [{name: cache, mountPath: /cache}]}}
        - {stage: d}
        - {stage: a, name: one, type: after, step: {command: b}, pipeline: release}
        - {pipeline: feature}
    """
    pipelines = write_shape(effective(text))["pipelineConfig"]["pipelines"]
    assert set(pipelines) == {"release", "pullRequest"}
    a, b = pipelines["release"]["pipeline"]["stages"]
    assert [step["command"] for step in a["steps"]] == ["a", "b"]
    assert [stage["name"] for stage in b["parallel"]] == ["c"]
    assert b["parallel"][0]["agent"] == {"image": "big"}
    assert b["parallel"][0]["options"]["volumes"] == [{"name": "cache", "emptyDir": {}}]


def test_an_override_removes_a_group_of_stages_by_its_name() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      pipelines:
        release:
          pipeline:
            agent: {image: go}
            stages:
            - {name: a, steps: [{command: a}]}
            - {name: b, parallel: [{name: c, steps: [{command: c}]}, {name: d, steps: [{command: d}]}]}
        overrides:
        - {stage: b}
    """
    pipelines = write_shape(effective(text))["pipelineConfig"]["pipelines"]
    assert [stage["name"] for stage in pipelines["release"]["pipeline"]["stages"]] == ["a"]


def test_an_override_that_finds_nothing_is_told_with_its_line() -> None:
    text = """
    buildPack: go
    pipelineConfig:
      pipelines:
        overrides:
        - {name: make-build, step: {sh: a}}
        - {stage: biuld, name: make-build, step: {sh: a}}
    """
    with pytest.raises(Invalid) as caught:
        effective(text)
    assert [str(problem) for problem in caught.value.problems] == [
        "jenkins-x.yml:7: there is nothing to change: no step make-build of stage biuld"
    ]


def test_steps_of_the_same_name_that_meet_are_told() -> None:
    text = GO + "pipelineConfig: {pipelines: {release: {build: {steps: [{sh: a, name: make-build}]}}}}\n"
    with pytest.raises(Invalid, match="the effective pipeline has mistakes") as caught:
        effective(text)
    assert "step build-make-build of from-build-pack stands in line" in caught.value.problems[0].what


def test_packs_that_extend_each_other_in_a_circle_are_told() -> None:
    circle = tree(
        packs__a__pipeline_yaml="extends: {file: ../b/pipeline.yaml}\n",
        packs__b__pipeline_yaml="\nextends:\n  file: ../a/pipeline.yaml\n",
    )
    with pytest.raises(Invalid, match="in a circle") as caught:
        effective("buildPack: a\n", packs=Packs(circle))
    assert [str(problem) for problem in caught.value.problems] == [
        "packs/b/pipeline.yaml:3: packs/a/pipeline.yaml -> packs/b/pipeline.yaml -> packs/a/pipeline.yaml"
    ]


def test_a_project_may_extend_a_file_of_its_own_or_of_a_module() -> None:
    own = tree(ci__base_yaml="pipelines: {release: {build: {steps: [{sh: a, name: a}]}}}\n")
    text = "buildPack: none\npipelineConfig:\n  extends: {file: ci/base.yaml}\n"
    assert "build-a" in str(write_shape(effective(text, project=Project(tree=own))))
    text = "buildPack: none\npipelineConfig:\n  extends: {import: classic, file: go/pipeline.yaml}\n"
    assert steps(text)[1:] == ["build-make-build: make build"]
    for name, said in {
        "file: ../x.yaml": "no file ../x.yaml",
        "import: old, file: a": "no module old",
    }.items():
        with pytest.raises(Invalid) as caught:
            effective(f"pipelineConfig:\n  extends: {{{name}}}\n")
        assert said in caught.value.problems[0].what
        assert caught.value.problems[0].line == 2


def test_a_pack_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="no build pack goo") as caught:
        effective("buildPack: goo\n")
    assert caught.value.hint == "did you mean go?"


def test_a_mistake_of_a_pack_is_told_with_its_file_and_line() -> None:
    broken = Packs(KUBERNETES, {"classic": CLASSIC.put("packs/pipeline.yaml", "pipelines:\n  Release: {}\n")})
    with pytest.raises(Invalid) as caught:
        effective(GO, packs=broken)
    assert [str(problem) for problem in caught.value.problems] == [
        "classic:packs/pipeline.yaml:2: Release is not known here; did you mean release?"
    ]


def test_nothing_says_which_pack_is_meant() -> None:
    with pytest.raises(Invalid) as caught:
        effective("env: []\n")
    assert str(caught.value.problems[0]) == "jenkins-x.yml: set buildPack, or none for pipelines of its own"


def test_the_old_word_post_of_lifecycles_becomes_post() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      pipelines:
        feature:
          build: {steps: [{sh: make}]}
        post:
          steps:
          - {groovy: failure, steps: [{sh: make cry, name: cry}]}
    """
    assert shown(text, "feature")["pipeline"]["post"] == [
        {
            "condition": "failure",
            "steps": [{"name": "post-cry", "command": "make cry", "dir": "/workspace/source"}],
        }
    ]


def test_the_old_word_post_without_lifecycles_is_told() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      pipelines:
        default: {agent: {image: go}, stages: [{name: a, steps: [{command: make}]}]}
        post:
          steps: [{groovy: failure, steps: [{sh: make cry}]}]
    """
    with pytest.raises(Invalid) as caught:
        effective(text)
    assert "post of pipelines is for lifecycles" in caught.value.problems[0].what
    assert caught.value.problems[0].line == 7


LOOP = """
buildPack: none
pipelineConfig:
  pipelines:
    feature:
      build:
        steps:
        - dir: charts
          image: helm
          steps:
          - loop:
              variable: CHART
              values: [a, b]
              steps: [{sh: helm lint $CHART, name: lint}]
"""


def test_steps_of_a_loop_without_a_name_are_numbered_when_it_is_unrolled() -> None:
    (step,) = shown(LOOP.replace(", name: lint", ""), "feature")["pipeline"]["stages"][0]["steps"]
    assert "name" not in step["loop"]["steps"][0]


def test_an_agent_of_a_pack_may_name_a_label_for_jenkins_beside_its_image() -> None:
    text = """
    buildPack: none
    pipelineConfig:
      agent: {label: jenkins-go, image: go}
      pipelines: {default: {stages: [{name: a, steps: [{command: make}]}]}}
    """
    assert shown(text, "release")["pipeline"]["agent"] == {"image": "go"}


def test_an_override_of_settings_leaves_the_steps_as_they_are() -> None:
    text = "buildPack: go\npipelineConfig: {pipelines: {overrides: [{stage: build, volumes: [{name: a, emptyDir: {}}]}]}}\n"
    assert "build-make-build: make build" in steps(text)
    stage = shown(text, "release")["pipeline"]["stages"][0]
    assert stage["options"]["volumes"] == [{"name": "a", "emptyDir": {}}]


def test_a_group_gives_its_folder_and_image_to_the_steps_of_a_loop() -> None:
    (step,) = shown(LOOP, "feature")["pipeline"]["stages"][0]["steps"]
    assert step["loop"]["steps"] == [
        {
            "name": "build-lint",
            "command": "helm lint $CHART",
            "dir": "/workspace/source/charts",
            "image": "helm",
        }
    ]


@pytest.mark.parametrize("text", [GO, LOOP, "buildPack: go\npipelineConfig: {agent: {image: big}}\n"])
def test_the_effective_form_of_an_effective_form_is_the_same(text: str) -> None:
    once = write_yaml(write_shape(effective(text)))
    assert write_yaml(write_shape(effective(once))) == once


@pytest.mark.parametrize(
    ("names", "pack"),
    [
        (["pom.xml", "package.json"], "maven"),
        (["env/Chart.yaml"], "environment"),
        (["go.mod", "Dockerfile"], "go"),
        (["Dockerfile", "charts/shop/Chart.yaml"], "docker-helm"),
        (["charts/shop/Chart.yaml"], "helm"),
        (["Dockerfile"], "docker"),
        (["README.md"], ""),
    ],
)
def test_the_files_of_a_project_tell_its_pack(names: list[str], pack: str) -> None:
    assert detect_pack(Tree({name: Tree().put("x", "").files["x"] for name in names})) == pack


def test_imports_name_other_repositories_of_packs() -> None:
    assert [module.git_url for module in read_imports(KUBERNETES).modules] == [
        "https://git.example.com/packs/classic.git"
    ]
    assert read_imports(CLASSIC).modules == ()
