"""The contract of `ports.catalog.Catalog`, held to every adapter of it and every kind of place that charts come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.helm import publish, push, serving, simple_chart

from jx.adapters.helm.archives import pack
from jx.adapters.helm.catalog import HelmCatalog
from jx.adapters.helm.renderer import write_tree
from jx.adapters.local.memory_catalog import MemoryCatalog
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.errors import NotFound
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog

CHARTS = (
    simple_chart("redis", "1.2.0"),
    simple_chart("redis", "1.10.0"),
    simple_chart("redis", "2.0.0-rc.1"),
    simple_chart("redis", "1.9.3", size=3),
    simple_chart("shop", "0.1.0"),
)


@dataclass
class Place:
    """A catalog, and the repository in it that has the charts."""

    catalog: Catalog
    repository: str

    def ref(self, name: str, version: str = "") -> ChartRef:
        return ChartRef(name, self.repository, version)


@pytest.fixture(params=["memory", "http", "oci", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    match request.param:
        case "memory":
            repository = "https://charts.example.com"
            yield Place(MemoryCatalog(*CHARTS), repository)
        case "http":
            with serving() as server:
                yield Place(HelmCatalog(tmp_path / "cache"), publish(server, *CHARTS))
        case "oci":
            with serving() as server:
                yield Place(HelmCatalog(tmp_path / "cache"), push(server, *CHARTS, token="free", page=2))
        case _:
            yield Place(HelmCatalog(tmp_path / "cache", base=tmp_path), _folder(tmp_path, CHARTS))


def _folder(top: Path, charts: tuple[Chart, ...]) -> str:
    (top / "published").mkdir()
    for chart in charts[:-1]:
        archive = top / "published" / f"{chart.ref.name}-{chart.version}.tgz"
        archive.write_bytes(pack(chart.ref.name, chart.files))
    write_tree(top / "published", Tree().graft(charts[-1].ref.name, charts[-1].files))
    return "file://published"


def test_versions_come_newest_first(place: Place) -> None:
    found = [version.version for version in place.catalog.versions(place.ref("redis"))]

    assert found == ["2.0.0-rc.1", "1.10.0", "1.9.3", "1.2.0"]


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("", "1.10.0"),
        ("1.2.0", "1.2.0"),
        ("~1.9", "1.9.3"),
        (">=1.2 <1.10", "1.9.3"),
        (">=2.0.0-0", "2.0.0-rc.1"),
    ],
)
def test_the_newest_allowed_version_is_resolved(place: Place, wanted: str, version: str) -> None:
    assert place.catalog.resolve(place.ref("redis", wanted)).version == version


def test_a_chart_comes_with_its_files_and_a_digest_and_its_exact_version(place: Place) -> None:
    chart = place.catalog.fetch(place.ref("redis", "~1.9"))

    assert (chart.version, chart.ref) == ("1.9.3", place.ref("redis", "1.9.3"))
    assert chart.files.text("values.yaml") == '{"size": 3}'
    assert chart.digest.startswith("sha256:")


def test_fetching_twice_gives_the_same_chart(place: Place) -> None:
    ref = place.ref("redis", "1.2.0")

    assert place.catalog.fetch(ref) == place.catalog.fetch(ref)


def test_an_unknown_chart_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        place.catalog.versions(place.ref("reddis"))
    with pytest.raises(NotFound):
        place.catalog.fetch(place.ref("reddis", "1.0.0"))


def test_a_version_that_is_not_there_is_not_found_and_others_are_shown(place: Place) -> None:
    with pytest.raises(NotFound) as caught:
        place.catalog.fetch(place.ref("redis", "1.2.1"))

    assert "1.10.0" in caught.value.hint
