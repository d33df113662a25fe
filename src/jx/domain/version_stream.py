"""Version stream: the repository of versions that are known to work together.

`charts/<prefix>/<chart>.yml` holds `version:`; `charts/repositories.yml` says which chart repository a prefix means;
`docker/<image>.yml` holds the tag of an image.
"""

from __future__ import annotations

from jx.domain.charts import ChartRef
from jx.domain.errors import Invalid, Problem
from jx.domain.layouts.sections import Mistakes, open_section
from jx.domain.trees import Tree

REPOSITORIES = "charts/repositories.yml"


def find_chart_version(stream: Tree, chart: ChartRef) -> str | None:
    """The version of a chart that the stream names, or None. Invalid where it names different ones under several prefixes."""
    mistakes = Mistakes()
    paths = [
        f"charts/{prefix}/{chart.name}.yml" for prefix in _find_prefixes(stream, chart.repository, mistakes)
    ]
    if not any(path in stream for path in paths):
        paths = [
            path for path in stream if path.startswith("charts/") and path.endswith(f"/{chart.name}.yml")
        ]
    found = {path: open_section(stream, path, mistakes).text("version") for path in paths if path in stream}
    mistakes.check("the version stream has mistakes")
    versions = {version for version in found.values() if version}
    if len(versions) > 1:
        raise Invalid(
            f"the version stream names several versions of {chart.name}",
            *(Problem(path, f"version {version}") for path, version in found.items()),
            hint=f"say in {REPOSITORIES} which prefix {chart.repository} has",
        )
    return versions.pop() if versions else None


def find_chart_repository(stream: Tree, name: str) -> str | None:
    """The chart repository that a chart's prefix stands for, or None where the stream does not know the chart."""
    mistakes = Mistakes()
    entries = open_section(stream, REPOSITORIES, mistakes).items("repositories")
    found = [
        url
        for entry in entries
        if f"charts/{entry.text('prefix')}/{name}.yml" in stream
        for url in entry.texts("urls")
    ]
    mistakes.check("the version stream has mistakes")
    return found[0] if found else None


def resolve_image(stream: Tree, image: str) -> str:
    """An image with the tag that the stream names; one that has a tag or digest, or that the stream does not know, as it is."""
    name = image.removeprefix("docker.io/")
    if "@" in name or ":" in name.rpartition("/")[2]:
        return image
    path = f"docker/{name}.yml"
    if path not in stream:
        return image
    mistakes = Mistakes()
    version = open_section(stream, path, mistakes).text("version")
    mistakes.check("the version stream has mistakes")
    return f"{image}:{version}" if version else image


def _find_prefixes(stream: Tree, repository: str, mistakes: Mistakes) -> list[str]:
    wanted = repository.rstrip("/")
    entries = open_section(stream, REPOSITORIES, mistakes).items("repositories")
    return [
        entry.text("prefix")
        for entry in entries
        if wanted in {url.rstrip("/") for url in entry.texts("urls")}
    ]
