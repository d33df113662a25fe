"""Broken pipeline files: what is wrong, in the words of the message, and the file with `# here` where it is."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """One file."""

    said: str
    text: str

    @property
    def line(self) -> int:
        """Where the mistake is."""
        return next(n for n, line in enumerate(self.text.splitlines(), 1) if line.endswith("# here"))


def _file(said: str, text: str) -> Broken:
    return Broken(said, textwrap.dedent(text).strip() + "\n")


def _pipeline(said: str, text: str) -> Broken:
    """A pipeline in its own syntax that is whole but for what is shown."""
    head = "buildPack: none\npipelineConfig:\n  pipelines:\n    release:\n      pipeline:\n"
    return Broken(said, head + textwrap.indent(textwrap.dedent(text).strip("\n"), " " * 8) + "\n")


def _stage(said: str, text: str) -> Broken:
    """A stage in it."""
    head = "agent: {image: go}\nstages:\n- name: build\n"
    return _pipeline(said, head + textwrap.indent(textwrap.dedent(text).strip("\n"), " " * 2) + "\n")


def _lifecycle(said: str, text: str) -> Broken:
    head = "pipelineConfig:\n  pipelines:\n"
    return Broken(said, head + textwrap.indent(textwrap.dedent(text).strip("\n"), " " * 4) + "\n")


SHAPES = (
    _file("expected `key: value`", "- a list  # here"),
    _file("buildPack is a text, not a list", "buildPack: [none]  # here"),
    _file("did you mean pipelineConfig?", "buildPack: none\npipelineconfig: {}  # here"),
    _file("pipelineConfig is a mapping", "pipelineConfig: none  # here"),
    _file("noReleasePrepare is true or false, not 'maybe'", "noReleasePrepare: maybe  # here"),
    _file("buildPack stands here and in line 1", "buildPack: none\nbuildPack: go  # here"),
    _file("maximumInstances is a whole number", "previewEnvironments:\n  maximumInstances: many  # here"),
    _file("name is missing", "env:\n- value: a  # here"),
    _file("`<<` merges mappings only", "pipelineConfig:\n  <<: [a]  # here"),
    _lifecycle("did you mean pullRequest?", "pullrequest:  # here\n  build: {steps: []}"),
    _lifecycle("did you mean release?", "Release: {}  # here"),
    _lifecycle("did you mean setVersion?", "release:\n  setversion: {steps: []}  # here"),
    _lifecycle("steps is a list", "release:\n  build:\n    steps: make  # here"),
    _lifecycle("an item of steps is a mapping", "release:\n  build:\n    steps:\n    - make  # here"),
    _file("file is missing", "pipelineConfig:\n  extends:\n    import: classic  # here"),
    _stage("unit is fortnights; it may be seconds, minutes, hours, days", """
        options:
          timeout: {time: 1, unit: fortnights}  # here
        steps: [{command: make}]
        """),
    _stage("time is missing", """
        options:
          timeout:
            unit: hours  # here
        steps: [{command: make}]
        """),
    _stage("an item of args is a text, not a mapping", """
        steps:
        - command: make
          args:
          - x: y  # here
        """),
    _stage("did you mean args?", """
        steps:
        - command: make
          arg: [build]  # here
        """),
    _stage("retry is a whole number, not 'twice'", """
        options:
          retry: twice  # here
        steps: [{command: make}]
        """),
    _stage("volumeMount is not known here; did you mean volumeMounts?", """
        options:
          containerOptions:
            volumeMount: []  # here
        steps: [{command: make}]
        """),
    _stage("secretRef is not known here; did you mean secretKeyRef?", """
        env:
        - name: TOKEN
          valueFrom:
            secretRef: {name: a, key: b}  # here
        steps: [{command: make}]
        """),
    _pipeline("condition is sometimes; it may be success, failure, always", """
        agent: {image: go}
        stages:
        - {name: a, steps: [{command: make}]}
        post:
        - condition: sometimes  # here
          steps: [{command: make}]
        """),
    _pipeline("stages is missing", "agent: {image: go}  # here"),
)  # fmt: skip
"""What a JSON Schema can say."""

MEANINGS = (
    _pipeline("stages is empty", "agent: {image: go}\nstages: []  # here"),
    _pipeline("exactly one of steps, stages, parallel; it has none", "agent: {image: go}\nstages:\n- name: build  # here"),
    _pipeline("no image for this step", """
        stages:
        - name: build
          steps:
          - command: make  # here
        """),
    _pipeline("at least one ASCII letter", """
        agent: {image: go}
        stages:
        - name: "1"  # here
          steps: [{command: make}]
        """),
    _pipeline("stage build stands in line 8, too", """
        agent: {image: go}
        stages:
        - name: build
          steps: [{command: make}]
        - name: build  # here
          steps: [{command: make}]
        """),
    _pipeline("(it is unit-tests to Tekton, as Unit tests is)", """
        agent: {image: go}
        stages:
        - name: Unit tests
          steps: [{command: make}]
        - name: all
          parallel:
          - name: unit-tests  # here
            steps: [{command: make}]
        """),
    _pipeline("label jenkins-go names an agent of Jenkins", """
        agent:
          label: jenkins-go  # here
        stages:
        - {name: a, agent: {image: go}, steps: [{command: make}]}
        """),
    _pipeline("label is for Jenkins, image for Tekton", """
        agent:
          label: jenkins-go  # here
          image: go
        stages:
        - {name: a, steps: [{command: make}]}
        """),
    _pipeline("Tekton cannot try a whole pipeline again", """
        agent: {image: go}
        options:
          retry: 2  # here
        stages:
        - {name: a, steps: [{command: make}]}
        """),
    _pipeline("distributeParallelAcrossNodes cannot be", """
        agent: {image: go}
        options:
          distributeParallelAcrossNodes: true  # here
        stages:
        - {name: a, steps: [{command: make}]}
        """),
    _pipeline("workspace belongs to a stage", """
        agent: {image: go}
        options:
          workspace: other  # here
        stages:
        - {name: a, steps: [{command: make}]}
        """),
    _pipeline("stage a may take longer than the whole pipeline", """
        agent: {image: go}
        options: {timeout: {time: 1, unit: minutes}}
        stages:
        - name: a
          options:
            timeout:
              time: 1  # here
              unit: hours
          steps: [{command: make}]
        """),
    _pipeline("environment is an older word for env", """
        agent: {image: go}
        env: [{name: A, value: b}]
        environment: [{name: A, value: b}]  # here
        stages:
        - {name: a, steps: [{command: make}]}
        """),
    _pipeline("there is no built-in action slack; give steps", """
        agent: {image: go}
        stages:
        - {name: a, steps: [{command: make}]}
        post:
        - condition: failure
          actions:
          - name: slack  # here
        """),
    _pipeline("it has steps and parallel", """
        agent: {image: go}
        stages:
        - name: a  # here
          steps: [{command: make}]
          parallel:
          - {name: b, steps: [{command: make}]}
        """),
    _stage("a timeout is greater than zero", """
        options:
          timeout: {time: 0, unit: hours}  # here
        steps: [{command: make}]
        """),
    _stage("retry cannot be negative", """
        options:
          retry: -1  # here
        steps: [{command: make}]
        """),
    _stage("containerOptions may not set image", """
        options:
          containerOptions:
            env: []
            image: go  # here
        steps: [{command: make}]
        """),
    _stage("containerOptions may not set livenessProbe: steps of Tekton have none", """
        options:
          containerOptions:
            imagePullPolicy: Always
            livenessProbe: {}  # here
        steps: [{command: make}]
        """),
    _stage("memory: 'much' is no quantity", """
        options:
          containerOptions:
            env: []
            resources: {limits: {memory: much}}  # here
        steps: [{command: make}]
        """),
    _stage("there is no volume cache to mount", """
        options:
          containerOptions:
            env: []
            volumeMounts: [{name: cache, mountPath: /cache}]  # here
        steps: [{command: make}]
        """),
    _stage("volume cache stands twice", """
        options:
          volumes: [{name: cache, emptyDir: {}}, {name: cache, emptyDir: {}}]  # here
        steps: [{command: make}]
        """),
    _stage("stages share their workspace; leave stash out", """
        options:
          stash: {name: jars, files: "*.jar"}  # here
        steps: [{command: make}]
        """),
    _stage("timeout for a group of stages", """
        options:
          timeout: {time: 1, unit: hours}  # here
        stages:
        - {name: a, steps: [{command: make}]}
        """),
    _stage("it has command and loop", """
        steps:
        - command: make  # here
          loop: {variable: A, values: [b], steps: [{command: make}]}
        """),
    _stage("a step has exactly one of command, sh, step, loop; it has none", """
        steps:
        - name: nothing  # here
        """),
    _stage("there is no library of steps to take npm from", """
        steps:
        - step: npm  # here
        """),
    _stage("options belong to step", """
        steps:
        - command: make
          options: {a: b}  # here
        """),
    _stage("groovy belongs to steps of lifecycles", """
        steps:
        - sh: make
          groovy: checkout scm  # here
        """),
    _stage("step Test of build stands in line 10, too", """
        steps:
        - {name: test, command: make}
        - {name: Test, command: make}  # here
        """),
    _stage("'MY-VAR' is no name of a variable", """
        steps:
        - loop:
            variable: MY-VAR  # here
            values: [a]
            steps: [{command: make}]
        """),
    _stage("values of the loop is empty", """
        steps:
        - loop:
            variable: A
            values: []  # here
            steps: [{command: make}]
        """),
    _stage("build comes to 1600 steps, its loops unrolled; 500 are the most", f"""
        steps:
        - loop:  # here
            variable: A
            values: {[str(n) for n in range(40)]}
            steps: [{{loop: {{variable: B, values: {[str(n) for n in range(40)]}, steps: [{{command: make}}]}}}}]
        """),
    _stage("A is set in line 10, too", """
        env:
        - {name: A, value: b}
        - {name: A, value: c}  # here
        steps: [{command: make}]
        """),
    _stage("TOKEN has value or valueFrom, not both", """
        env:
        - name: TOKEN
          value: a
          valueFrom: {secretKeyRef: {name: a, key: b}}  # here
        steps: [{command: make}]
        """),
    _stage("dir $HOME holds a variable", """
        steps:
        - command: make
          dir: $HOME  # here
        """),
    _stage("the run has no $(params.color)", """
        steps:
        - command: echo $(params.color)  # here
        """),
    _stage("matrix has 300 combinations; 256 are the most", f"""
        matrix: {{A: {[str(n) for n in range(20)]}, B: {[str(n) for n in range(15)]}}}  # here
        steps: [{{command: make}}]
        """),
    _lifecycle("when is jenkins; it may be prow or !prow", """
        release:
          build:
            steps:
            - {sh: make, name: make, when: jenkins}  # here
        """),
    _lifecycle("groovy 'junit()' needs Jenkins; write it as sh", """
        release:
          build:
            steps:
            - groovy: junit()  # here
        """),
    _lifecycle("build is not run, since pipeline stands beside it", """
        release:
          build: {steps: [{sh: make}]}  # here
          pipeline: {agent: {image: go}, stages: [{name: a, steps: [{sh: make}]}]}
        """),
    _lifecycle("there is no kind of pipeline deploy; release, pullRequest, feature are", """
        overrides:
        - pipeline: deploy  # here
          stage: build
        """),
    _lifecycle("an override has step or steps, not both", """
        overrides:
        - name: make
          step: {sh: make}
          steps: [{sh: make}]  # here
        """),
    _lifecycle("volumes belongs to a stage or pipeline; leave name out", """
        overrides:
        - name: make
          step: {sh: make}
          volumes: [{name: a, emptyDir: {}}]  # here
        """),
    _lifecycle("the agent of a step that is put there belongs into the step", """
        overrides:
        - name: make
          step: {sh: make}
          agent: {image: go}  # here
        """),
    _stage("the run has no $(params.color)", """
        env:
        - name: COLOR
          value: $(params.color)  # here
        steps: [{command: make}]
        """),
    _stage("workspace is a name of letters, digits and '-'", """
        options:
          workspace: "?"  # here
        steps: [{command: make}]
        """),
    _lifecycle("there are no steps to put before", """
        overrides:
        - name: make
          type: before  # here
        """),
)  # fmt: skip
"""What only the whole can say."""

ALL = (*SHAPES, *MEANINGS)
