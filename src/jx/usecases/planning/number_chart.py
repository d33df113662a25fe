"""Number a chart: set its version to a build number, as pipelines of Jenkins X 2 do."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.errors import NotFound
from jx.domain.events import Event
from jx.domain.texts import yaml_edit
from jx.ports.folders import Folders
from jx.ports.reporter import Reporter


@dataclass(frozen=True, slots=True)
class NumberChart:
    """Changes the one line of Chart.yaml on disk."""

    folders: Folders
    reporter: Reporter

    def __call__(self, folder: str, version: str) -> None:
        """Write the version; NotFound where the folder holds no chart."""
        read = self.folders.read(folder)
        prefix = f"{read.subfolder}/" if read.subfolder else ""
        name = next(
            (path for path in (f"{prefix}Chart.yaml", f"{prefix}env/Chart.yaml") if path in read.tree), None
        )
        if name is None:
            raise NotFound(f"there is no Chart.yaml in {read.path}", hint="name its folder with --dir")
        changed = yaml_edit.set_value(read.tree.text(name), ("version",), version, name)
        self.folders.put(read.path, name.removeprefix(prefix), changed)
        self.reporter.tell(Event(f"Modified file {name} to set the chart to version {version}"))
