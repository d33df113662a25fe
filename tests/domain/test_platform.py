"""The platform as its dev repository declares it, and new repositories."""

from __future__ import annotations

import pytest
from tests.support.environments import CHARTS, GIT, NEW, make_environment, make_tree

from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import in_order
from jx.domain.errors import Invalid, NotFound
from jx.domain.layouts import umbrella
from jx.domain.layouts.environments_yaml import read_environments, write_environment
from jx.domain.layouts.new_environment import new_environment, planned_environments
from jx.domain.layouts.sections import Mistakes
from jx.domain.names import DEV, EnvironmentName, Repo
from jx.domain.platforms.platform import read_platform
from jx.domain.version_stream import find_chart_version


def test_a_new_platform_is_read_as_it_was_planned() -> None:
    platform = read_platform(new_environment(NEW, DEV))
    assert platform.environments == planned_environments(NEW)
    assert [one.name for one in platform.environments] == ["dev", "staging", "production"]
    assert platform.version_stream == NEW.version_stream
    assert platform.chart is not None
    assert platform.chart.chart == NEW.chart
    assert platform.apps_repository == CHARTS
    assert platform.app_prefixes == ("jx-app-",)


@pytest.mark.parametrize(
    ("name", "namespace", "release"),
    [("dev", "jx", "jenkins-x"), ("staging", "jx-staging", "jx"), ("production", "jx-production", "jx")],
)
def test_each_new_repository_knows_what_it_is(name: str, namespace: str, release: str) -> None:
    tree = new_environment(NEW, EnvironmentName(name))
    spec = umbrella.read(tree)
    assert (spec.name, spec.namespace, spec.release) == (name, namespace, release)
    assert {"README.md", "OWNERS", ".gitignore", "jenkins-x.yml", "jx-requirements.yml"} <= set(tree)
    without = umbrella.read(tree.remove("jx-requirements.yml"))
    assert (without.name, without.namespace, without.release) == (name, namespace, release)


def test_the_readme_of_dev_holds_the_rescue() -> None:
    readme = new_environment(NEW, DEV).text("README.md")
    assert "git clone $MY_DEV_GIT_CLONE_URL jenkins-x-dev-env\ncd jenkins-x-dev-env/env\n" in readme
    assert "jx step env apply" in readme


def test_an_environment_that_is_written_reads_as_the_same() -> None:
    for environment in planned_environments(NEW):
        tree = make_tree({f"env/templates/{environment.name}-env.yaml": write_environment(environment)})
        assert read_environments(tree, "env/", Mistakes()) == (environment,)


def test_an_environment_is_found_by_name_or_the_nearest_are_named() -> None:
    platform = read_platform(new_environment(NEW, DEV))
    assert platform.get_environment("staging").namespace == "jx-staging"
    with pytest.raises(NotFound) as caught:
        platform.get_environment("stagin")
    assert caught.value.hint == "did you mean staging?"
    with pytest.raises(NotFound) as caught:
        platform.get_environment("zzz")
    assert caught.value.hint == "there are dev, staging, production"


def test_a_dev_repository_that_declares_nothing_is_dev_itself() -> None:
    repo = Repo(f"{GIT}/team/environment-x-dev.git")
    platform = read_platform(make_environment(), repo=repo, branch="main")
    (dev,) = platform.environments
    assert (dev.name, dev.repo, dev.branch, dev.is_dev) == ("dev", repo, "main", True)


def test_an_environment_without_a_repository_cannot_be_changed() -> None:
    tree = new_environment(NEW, DEV)
    text = tree.text("env/templates/staging-env.yaml")
    without = tree.put("env/templates/staging-env.yaml", text[: text.index("  source:")])
    with pytest.raises(NotFound, match="no git repository"):
        read_platform(without).get_repository("staging")


def test_environments_are_ordered_dev_first() -> None:
    dev, staging, production = planned_environments(NEW)
    assert in_order((production, staging, dev)) == (dev, staging, production)


STREAM = {
    "charts/repositories.yml": f"repositories:\n- prefix: jx\n  urls: [{CHARTS}/]\n- prefix: other\n  urls: [https://x]\n",
    "charts/jx/jx-platform.yml": "version: 1.1.0\n",
    "charts/other/jx-platform.yml": "version: 9.0.0\n",
    "charts/other/redis.yml": "version: 2.0.0\n",
}


def test_the_version_stream_names_a_version_by_the_repositorys_prefix() -> None:
    stream = make_tree(STREAM)
    assert find_chart_version(stream, ChartRef("jx-platform", CHARTS)) == "1.1.0"
    assert find_chart_version(stream, ChartRef("redis", CHARTS)) == "2.0.0"
    assert find_chart_version(stream, ChartRef("nothing", CHARTS)) is None
    with pytest.raises(Invalid, match="several versions"):
        find_chart_version(stream, ChartRef("jx-platform", "https://unknown"))
