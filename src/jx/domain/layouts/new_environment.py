"""The repository of an environment that is made anew: what is in it on the first day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.charts.apps import PLATFORM_CHART
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import Environment, Kind, Strategy
from jx.domain.errors import NotFound
from jx.domain.layouts.environments_yaml import write_environment
from jx.domain.names import DEV, EnvironmentName, Repo
from jx.domain.texts.yaml_text import write_yaml
from jx.domain.trees import Blob, Tree

STAGING = EnvironmentName("staging")
PRODUCTION = EnvironmentName("production")
BUILDER_IMAGE = "jx/builder"
"""The image in which pipelines of environments run `jx`."""


@dataclass(frozen=True, slots=True)
class NewPlatform:
    """What a new installation is to be."""

    prefix: str
    """Repositories are named `environment-<prefix>-<environment>`."""
    owner: str
    """Who owns them on the forge: an organisation or a user."""
    git_url: str
    """The forge's address for git, before `/<owner>/<name>.git`."""
    chart: ChartRef
    """The platform's chart, pinned."""
    namespace: str = "jx"
    """Of dev; the others are `<namespace>-<environment>`."""
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Of the platform's chart."""
    version_stream: Repo | None = None
    version_stream_ref: str = "master"
    apps_repository: str = ""
    """Where `jx add app` looks when no repository is named; empty: where the platform's chart is from."""
    provider: str = "local"
    cluster_name: str = ""
    approvers: tuple[str, ...] = ()
    """Logins that may approve changes."""
    branch: str = "master"
    is_remote: bool = False
    """Whether staging and production are in other clusters."""
    only_dev: bool = False
    repositories: Mapping[EnvironmentName, Repo] = field(default_factory=dict, hash=False)
    """Repositories that are there already, by environment; the others are named by the pattern."""
    store: Mapping[str, Any] = field(default_factory=lambda: {"secretStorage": "local"}, hash=False)
    """What `jx-requirements.yml` says of where secrets are kept."""
    vendored: Tree = field(default_factory=Tree)
    """The files of the platform's chart where it is kept in the dev repository itself; the chart has no repository then."""


def planned_environments(platform: NewPlatform) -> tuple[Environment, ...]:
    """Dev, staging (automatic) and production (by hand), with the repositories that they will have."""
    dev = Environment(
        name=DEV,
        namespace=platform.namespace,
        repo=_repo(platform, DEV),
        branch=platform.branch,
        label="Development",
        kind=Kind.DEVELOPMENT,
        strategy=Strategy.NEVER,
        order=0,
        team_settings=_team_settings(platform),
    )
    if platform.only_dev:
        return (dev,)
    staging = Environment(
        name=STAGING,
        namespace=f"{platform.namespace}-{STAGING}",
        repo=_repo(platform, STAGING),
        branch=platform.branch,
        label="Staging",
        strategy=Strategy.AUTO,
        order=100,
        is_remote=platform.is_remote,
    )
    production = replace(
        staging,
        name=PRODUCTION,
        namespace=f"{platform.namespace}-{PRODUCTION}",
        repo=_repo(platform, PRODUCTION),
        label="Production",
        strategy=Strategy.MANUAL,
        order=200,
    )
    return dev, staging, production


def new_environment(platform: NewPlatform, name: EnvironmentName) -> Tree:
    """The first content of an environment's repository; the same platform gives the same tree."""
    planned = planned_environments(platform)
    environment = next((one for one in planned if one.name == name), None)
    if environment is None:
        raise NotFound(f"environment {name} is not part of a new platform")
    tree = new_content(platform, environment)
    if not environment.is_dev:
        return tree
    values = write_yaml(platform.values) if platform.values else ""
    tree = tree.put(f"env/{platform.chart.name}/values.yaml", _PLATFORM_VALUES + values)
    for one in planned:
        tree = tree.put(f"env/templates/{one.name}-env.yaml", _ENVIRONMENT + write_environment(one))
    folder = f"env/charts/{platform.chart.name}"
    return Tree(
        {**tree.files, **{f"{folder}/{path}": blob for path, blob in platform.vendored.files.items()}}
    )


def new_content(platform: NewPlatform, environment: Environment) -> Tree:
    """What every environment's repository begins with."""
    texts = {
        "README.md": _readme(platform, environment),
        "OWNERS": _owners(platform),
        ".gitignore": _gitignore(platform),
        "jenkins-x.yml": _pipeline(environment),
        "jx-requirements.yml": _requirements(platform, environment),
        "env/Chart.yaml": _chart(platform, environment),
        "env/values.yaml": _VALUES,
    }
    return Tree({path: Blob(text.encode()) for path, text in texts.items()})


def _repo(platform: NewPlatform, name: EnvironmentName) -> Repo:
    return platform.repositories.get(name) or Repo(
        f"{platform.git_url.rstrip('/')}/{platform.owner}/environment-{platform.prefix}-{name}.git"
    )


def _team_settings(platform: NewPlatform) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "useGitOps": True,
        "helmTemplate": True,
        "noTiller": True,
        "importMode": "YAML",
        "envOrganisation": platform.owner,
        "kubeProvider": platform.provider,
        "appsRepository": platform.apps_repository or platform.chart.repository,
        "appPrefixes": ["jx-app-"],
    }
    if platform.version_stream is not None:
        settings["versionStreamUrl"] = platform.version_stream.url
        settings["versionStreamRef"] = platform.version_stream_ref
    return settings


def _requirements(platform: NewPlatform, environment: Environment) -> str:
    cluster = {
        "clusterName": platform.cluster_name or platform.prefix,
        "environmentGitOwner": platform.owner,
        "namespace": platform.namespace,
        "provider": platform.provider,
    }
    data: dict[str, Any] = {"cluster": cluster, "gitops": True, **platform.store}
    if platform.version_stream is not None:
        data["versionStream"] = {"url": platform.version_stream.url, "ref": platform.version_stream_ref}
    release = "jenkins-x" if environment.is_dev else "jx"
    apply = {"environment": environment.name, "namespace": environment.namespace, "release": release}
    return (
        f"# Settings of the installation.\n{write_yaml(data)}{_APPLY}{write_yaml({'apply': apply})}{_LIMITS}"
    )


def _chart(platform: NewPlatform, environment: Environment) -> str:
    chart = platform.chart
    entry = {"name": chart.name, "version": chart.version, "repository": chart.repository}
    dependencies = [{key: value for key, value in entry.items() if value}] if environment.is_dev else []
    head = {
        "apiVersion": "v2",
        "name": "env",
        "version": "0.0.1",
        "description": f"Everything in the {environment.name} environment",
    }
    return (
        f"{write_yaml(head)}# The apps. `jx add app`, `jx upgrade apps` and `jx promote` open pull requests that edit them.\n"
        f"{write_yaml({'dependencies': dependencies})}"
    )


def _pipeline(environment: Environment) -> str:
    def run(step: str, *words: str) -> dict[str, Any]:
        steps = [{"name": step, "command": "jx", "args": list(words), "dir": "env"}]
        stage = {"name": "environment", "agent": {"image": BUILDER_IMAGE}, "steps": steps}
        return {"pipeline": {"stages": [stage]}}

    data = {
        "buildPack": "none",
        "pipelineConfig": {
            "env": [{"name": "DEPLOY_NAMESPACE", "value": environment.namespace}],
            "pipelines": {
                "pullRequest": run("verify-pr", "step", "verify", "pr"),
                "release": run("env-apply", "step", "env", "apply"),
            },
        },
    }
    return f"# A pull request is checked as its merge would be; its merge applies it.\n{write_yaml(data)}"


def _owners(platform: NewPlatform) -> str:
    people = list(platform.approvers) or [platform.owner]
    return "# Who may approve changes of this environment.\n" + write_yaml(
        {"approvers": people, "reviewers": people}
    )


def _readme(platform: NewPlatform, environment: Environment) -> str:
    assert environment.repo is not None
    what = "the platform itself and its apps" if environment.is_dev else "the apps that run there"
    clone = "jenkins-x-dev-env" if environment.is_dev else environment.repo.name
    flag = "" if environment.is_dev else f" --env {environment.name}"
    upgrade = "jx upgrade platform\n" if environment.is_dev else ""
    return _README.format(
        label=environment.label,
        what=what,
        namespace=environment.namespace,
        flag=flag,
        upgrade=upgrade,
        url="$MY_DEV_GIT_CLONE_URL" if environment.is_dev else environment.repo.url,
        clone=clone,
        branch=environment.branch,
        chart=platform.chart.name or PLATFORM_CHART,
    )


def _gitignore(platform: NewPlatform) -> str:
    """A chart that is kept in the repository must not be ignored there."""
    return _GITIGNORE.replace("charts/\n", "charts/*.tgz\n") if platform.vendored.files else _GITIGNORE


_GITIGNORE = """\
# Secrets never belong into git.
secrets.yaml
mysecrets.yaml
myvalues.yaml
# What Helm leaves behind when it builds the chart here.
charts/
requirements.lock
Chart.lock
"""

_VALUES = """\
# Values of the apps, each below its key:
#
#   redis:
#     replicas: 2
#
# More values of an app stand in its own folder, <key>/values.yaml. No value may be given twice.
"""

_PLATFORM_VALUES = """\
# Values of the platform's chart.
"""

_ENVIRONMENT = """\
# Read by jx, and kept in the cluster as an object.
"""

_APPLY = """\
# What this repository is applied as.
"""

_LIMITS = """\
  # An apply that would delete more is refused:
  # maxDeletions: 20
  # maxDeletionShare: 0.5
"""

_README = """\
# {label}

This repository is the {label} environment: {what}. What is on branch `{branch}` is what runs in namespace `{namespace}`.
Nobody changes the cluster by hand; every change is a pull request here.

```sh
jx add app NAME{flag}
jx upgrade apps NAME{flag}
jx delete app NAME{flag}
jx edit app NAME --set key=value{flag}
{upgrade}```

Each opens a pull request; `jx pr diff NUMBER` shows what it changes in the cluster.

| where | what |
| --- | --- |
| `env/Chart.yaml` | the apps and their versions |
| `env/values.yaml`, `env/<app>/values.yaml` | their values; no secrets |
| `env/templates/` | objects of the environment's own |
| `jx-requirements.yml` | settings |
| `jenkins-x.yml` | what runs for a pull request, and for its merge |

Branch `jx-ledger` holds what was applied, object by object: `git log jx-ledger` tells who changed what and when.

## If things go bad

To undo a change, revert its merge here. If CI/CD itself is broken and no merge is applied any more, apply by hand:

```sh
git clone {url} {clone}
cd {clone}/env
git revert --no-edit -m 1 HEAD    # or whichever merge was bad
jx step env apply
```

and push the revert when CI/CD is back, so that git says again what runs.
"""
