"""Repositories in the forms that Jenkins X 2 gave them, written for the tests: the environment that others are copied from, what
`jx boot` is configured by, and a version stream."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.worlds import tree_of

from jx.domain.trees import Tree

CHARTS = "http://charts.example.com"
STREAM_URL = "https://git.example.com/acme/versions.git"

_PIPELINE = """buildPack: none
pipelineConfig:
  pipelines:
    release:
      pipeline:
        environment:
          - name: DEPLOY_NAMESPACE
            value: jx
        stages:
          - name: release
            steps:
              - {command: jx, args: [step, helm, apply, --boot, --name, ingress], dir: /workspace/source/systems/ingress}
              - {command: jx, args: [step, helm, apply, --boot, --name, jenkins-x], dir: /workspace/source/env}
"""


def environment(namespace: str = "jx-staging") -> Tree:
    """An environment without an app, as people copied it: two aliases of one chart, pinned, and comments of their own."""
    return tree_of(
        {
            "Makefile": f'DIR := "env"\nNAMESPACE := "{namespace}"\n',
            "Jenkinsfile": f'pipeline {{\n  environment {{\n    DEPLOY_NAMESPACE = "{namespace}"\n  }}\n}}\n',
            "env/Chart.yaml": "apiVersion: v1\nname: env\nversion: 0.0.1\ndescription: An environment \n"
            "maintainers:\n  - name: Team\n",
            "env/requirements.yaml": "dependencies:\n- name: expose\n  version: 2.3.118\n"
            f"  repository: {CHARTS}\n  alias: expose # routes\n- name: expose\n  version: 2.3.118\n"
            f"  repository: {CHARTS}\n  alias: cleanup\n#- name: later\n",
            "env/values.yaml": "expose:\n  Args: \n    - --v\n    - 4\n\ncleanup:\n  Args: \n    - --cleanup\n",
            "env/templates/.gitignore": "",
        }
    )


def boot(ref: str = "master", more: Mapping[str, str] | None = None) -> Tree:
    """What a platform is booted from: no version anywhere, values by templates, a chart beside the environment's own."""
    files = {
        "jx-requirements.yml": "cluster:\n  clusterName: fox # ours\n  provider: gke\nenvironments:\n- key: dev\n- key: staging\n"
        "gitops: true\ningress:\n  domain: fox.example.com\n  tls:\n    enabled: false\nkaniko: true\n"
        f"unheardOf:\n  of: us\nversionStream:\n  ref: {ref}\n  url: {STREAM_URL}\nwebhook: lighthouse\n",
        "jenkins-x.yml": _PIPELINE,
        "env/Chart.yaml": 'apiVersion: v1\nname: env\nversion: "1"\n',
        "env/requirements.yaml": f"dependencies:\n- name: jenkins-x-platform\n  repository: {CHARTS}\n"
        f"- alias: hooks\n  condition: hooks.enabled\n  name: lighthouse\n  repository: {CHARTS}\n#- name: museum\n",
        "env/values.tmpl.yaml": '# what runs\nhooks:\n{{- if eq .Requirements.webhook "lighthouse" }}\n  enabled: true\n'
        "{{- else }}\n  enabled: false\n{{- end }}\n",
        "env/jenkins-x-platform/values.tmpl.yaml": 'domain: "{{ .Requirements.ingress.domain }}"\n'
        'builder: {{ versionStream "docker" "example/builder" }}\nowner: {{ .Environments.staging.key }}\n'
        'bucket: {{ .Requirements.storage.backup.url | default "gs://none" | removeScheme | quote }}\n'
        'password: "{{ .Parameters.adminUser.password }}"\n',
        "env/parameters.yaml": "adminUser:\n  password: vault:fox/adminUser:password\n",
        "env/templates/.gitignore": "",
        "systems/ingress/Chart.yaml": 'apiVersion: v1\nname: ingress\nversion: "1"\n',
        "systems/ingress/values.tmpl.yaml": 'domain: "{{ .Requirements.ingress.domain }}"\n',
        "systems/ingress/templates/route.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: route}\n"
        "data: {domain: {{ .Values.domain | quote }}}\n",
    }
    return tree_of(files | dict(more or {}))


def stream(platform: str = "2.0.1", hooks: str = "0.0.9") -> Tree:
    """A version stream, with all that streams hold beside charts."""
    return tree_of(
        {
            "charts/repositories.yml": f"repositories:\n- prefix: acme\n  urls:\n  - {CHARTS}\n",
            "charts/acme/jenkins-x-platform.yml": f"version: {platform}\ngitUrl: https://git.example.com/acme/platform\n",
            "charts/acme/lighthouse.yml": f"version: {hooks}\n",
            "docker/example/builder.yml": "version: 1.2.3\n",
            "git/git.example.com/acme/boot.yml": "version: 1.0.1\n",
            "packages/jx.yml": "version: 2.0.1\nupperLimit: 3.0.0\n",
            "quickstarts.yml": "quickstarts: []\n",
        }
    )
