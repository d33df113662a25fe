"""Charts in folders of this machine: one chart, or a folder of charts and archives."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from jx.adapters.helm.archives import DEFAULT_LIMITS, digest_of, unpack
from jx.domain.charts import chart_folders
from jx.domain.charts.catalogs import chart_not_found, order_versions, pick_version
from jx.domain.charts.charts import Chart, ChartRef, ChartVersion
from jx.domain.errors import Failed, Invalid, NotFound, Problem
from jx.domain.trees import Blob, Tree


def read_folder(folder: Path) -> Tree:
    """All files of a folder but `.git`. Invalid for links that leave it, for what is no file, and above the limits for charts."""
    top = folder.resolve()
    files: dict[str, Blob] = {}
    size = 0
    for where, names, leaves in os.walk(top):
        names[:] = sorted(name for name in names if name != ".git")
        links = [name for name in names if Path(where, name).is_symlink()]
        if links:
            raise _refused(Path(where, links[0]), "a link to a folder is no part of a chart")
        for leaf in sorted(leaves):
            path = Path(where, leaf)
            blob = _read_file(path, top)
            size += len(blob.data)
            files[path.relative_to(top).as_posix()] = blob
            if size > DEFAULT_LIMITS.unpacked or len(files) > DEFAULT_LIMITS.files:
                raise _refused(folder, "it is larger than a chart may be")
    return Tree(files)


def _read_file(path: Path, top: Path) -> Blob:
    target = path.resolve()
    if not target.is_relative_to(top):
        raise _refused(path, "it is a link that leaves the chart")
    if not target.is_file():
        raise _refused(path, "it is no plain file")
    try:
        return Blob(target.read_bytes(), executable=os.access(target, os.X_OK))
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error}") from error


def _refused(path: Path, reason: str) -> Invalid:
    return Invalid(f"{path} cannot be part of a chart", Problem(str(path), reason))


class FolderCharts:
    """The charts that a `file://` URL or a path leads to."""

    def __init__(self, base: Path | None) -> None:
        """`base` is the folder that relative paths start from; None: there is none, relative paths are refused."""
        self._base = base

    def versions(self, ref: ChartRef) -> tuple[ChartVersion, ...]:
        return order_versions(
            ChartVersion(
                ref.name,
                chart.version,
                ref.repository,
                chart.digest,
                metadata.description,
                metadata.app_version,
                metadata.home,
                metadata.changes,
                metadata.sources,
            )
            for chart in self._charts(ref)
            for metadata in [chart_folders.read_metadata(chart.files)]
        )

    def fetch(self, ref: ChartRef) -> Chart:
        wanted = pick_version(ref, self.versions(ref)).version
        chart = next(chart for chart in self._charts(ref) if chart.version == wanted)
        return replace(chart, ref=replace(ref, version=wanted))

    def _charts(self, ref: ChartRef) -> list[Chart]:
        folder = self._folder(ref)
        if (folder / "Chart.yaml").is_file():
            charts = [self._unpacked(ref, folder)]
        elif folder.suffix == ".tgz":
            charts = [self._packed(ref, folder)]
        else:
            archives = sorted(folder.glob(f"{ref.name}-[0-9v]*.tgz"))
            charts = [self._packed(ref, archive) for archive in archives]
            if (folder / ref.name / "Chart.yaml").is_file():
                charts.append(self._unpacked(ref, folder / ref.name))
        fitting = [
            chart
            for chart in charts
            if chart_folders.read_metadata(chart.files, str(folder)).name == ref.name
        ]
        if not fitting:
            raise chart_not_found(ref, self._names(folder))
        return fitting

    def _folder(self, ref: ChartRef) -> Path:
        written = ref.repository.removeprefix("file://") or "charts"
        path = Path(written).expanduser()
        if not path.is_absolute():
            if self._base is None:
                raise Invalid(
                    f"chart {ref.name} is in {ref.repository or 'charts/'}, which is relative to an environment's folder",
                    hint="commit the chart to the environment's repository, or publish it in a chart repository",
                )
            path = self._base / path
        if not path.exists():
            raise NotFound(f"there is no folder {path} with chart {ref.name}", hint="check the path")
        return path

    @staticmethod
    def _names(folder: Path) -> list[str]:
        if (folder / "Chart.yaml").is_file():
            return [chart_folders.read_metadata(read_folder(folder), str(folder)).name]
        return [path.parent.name for path in folder.glob("*/Chart.yaml")] if folder.is_dir() else []

    @staticmethod
    def _unpacked(ref: ChartRef, folder: Path) -> Chart:
        files = chart_folders.drop_ignored(read_folder(folder))
        return Chart(ref, chart_folders.read_metadata(files, str(folder)).version, files, files.digest)

    @staticmethod
    def _packed(ref: ChartRef, archive: Path) -> Chart:
        try:
            data = archive.read_bytes()
        except OSError as error:
            raise Failed(f"{archive} cannot be read: {error}") from error
        return open_archive(ref, data, str(archive))


def open_archive(ref: ChartRef, data: bytes, where: str) -> Chart:
    """The chart in an archive; Invalid where it is another chart than the reference names."""
    files = unpack(data, where, name=ref.name)
    metadata = chart_folders.read_metadata(files, where)
    if metadata.name != ref.name:
        raise Invalid(
            f"{where} is not chart {ref.name}", Problem(where, f"its Chart.yaml says it is {metadata.name!r}")
        )
    return Chart(ref, metadata.version, files, digest_of(data), data)
