"""Environments for tests: small repositories as trees."""

from __future__ import annotations

from collections.abc import Mapping

from jx.domain.charts.charts import ChartRef
from jx.domain.layouts.new_environment import NewPlatform
from jx.domain.names import Repo
from jx.domain.trees import Blob, Tree

CHARTS = "https://charts.example.com"
GIT = "https://git.example.com"

CHART = f"""\
apiVersion: v2
name: env
version: 0.0.1
# what runs here
dependencies:
  - name: redis
    version: "1.2.3" # pinned
    repository: {CHARTS}
  - name: shop
    alias: web
    version: 2.0.0
    repository: {CHARTS}
    condition: web.enabled
    tags: [front]
"""

OLD_REQUIREMENTS = """\
dependencies:
- alias: expose
  name: exposecontroller
  repository: http://chartmuseum.jenkins-x.io
  version: 2.3.112
- alias: cleanup
  name: exposecontroller
  repository: http://chartmuseum.jenkins-x.io
  version: 2.3.112
"""

NEW = NewPlatform(
    prefix="acme",
    owner="team",
    git_url=GIT,
    chart=ChartRef("jx-platform", CHARTS, "1.0.0"),
    version_stream=Repo(f"{GIT}/team/versions.git"),
    approvers=("ann", "bob"),
    values={"controller": {"replicas": 1}},
)


def make_tree(files: Mapping[str, str]) -> Tree:
    """A tree of texts."""
    return Tree({path: Blob(text.encode()) for path, text in files.items()})


def make_environment(files: Mapping[str, str] | None = None) -> Tree:
    """An environment with apps `redis` and `web`, in namespace jx-staging, and more files (or others) as given."""
    return make_tree(
        {
            "env/Chart.yaml": CHART,
            "env/values.yaml": "# root\nredis:\n  replicas: 1\n",
            "jenkins-x.yml": "pipelineConfig:\n  env:\n  - name: DEPLOY_NAMESPACE\n    value: jx-staging\n",
            **(files or {}),
        }
    )
