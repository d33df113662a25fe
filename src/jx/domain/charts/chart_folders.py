"""A chart as files: what its Chart.yaml says, which files Helm passes over, and which charts lie below `charts/`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from jx.domain.charts.catalogs import version_not_found
from jx.domain.charts.charts import CHANGES, LONGEST_CHANGES, Chart, ChartRef
from jx.domain.charts.version_ranges import find_newest
from jx.domain.errors import Invalid, NotFound, Problem
from jx.domain.names import AppKey
from jx.domain.texts.yaml_text import Node, parse_node
from jx.domain.trees import Tree, is_safe_path


@dataclass(frozen=True, slots=True)
class Dependency:
    """A chart that a chart needs, as its Chart.yaml (or Helm 2's requirements.yaml) names it."""

    name: str
    version: str = ""
    repository: str = ""
    alias: str = ""
    condition: str = ""
    tags: tuple[str, ...] = ()

    @property
    def key(self) -> AppKey:
        """The alias, or the name where there is none: where its values stand."""
        return AppKey(self.alias or self.name)


@dataclass(frozen=True, slots=True)
class ChartMetadata:
    """What a chart says of itself. All are texts as they are written."""

    name: str
    version: str
    description: str = ""
    app_version: str = ""
    home: str = ""
    kube_version: str = ""
    changes: str = ""
    """Its annotation of changes, as it is written."""
    sources: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    dependencies_file: str = "Chart.yaml"
    """Where the dependencies stand: `Chart.yaml`, or `requirements.yaml` of Helm 2."""


def read_metadata(tree: Tree, where: str = "") -> ChartMetadata:
    """The metadata of a chart; Invalid, with the line, where it cannot be read. `where` goes before the paths in messages."""
    if "Chart.yaml" not in tree:
        raise Invalid("this is not a chart", Problem(_join(where, "Chart.yaml"), "there is no such file"))
    data = _read(tree, "Chart.yaml", where)
    holder = "requirements.yaml" if "requirements.yaml" in tree else "Chart.yaml"
    listed = (data if holder == "Chart.yaml" else _read(tree, holder, where)).find("dependencies")
    annotations, sources = data.find("annotations"), data.find("sources")
    entries = [item.real for item in listed.real.items] if listed else []
    return ChartMetadata(
        name=_text(data, "name"),
        version=_text(data, "version"),
        description=_text(data, "description"),
        app_version=_text(data, "appVersion"),
        home=_text(data, "home"),
        kube_version=_text(data, "kubeVersion"),
        changes=_text(annotations.real, CHANGES)[:LONGEST_CHANGES] if annotations else "",
        sources=tuple(item.real.text for item in sources.real.items) if sources else (),
        dependencies=tuple(_dependency(entry) for entry in entries if entry.tag == "map"),
        dependencies_file=holder,
    )


def _read(tree: Tree, path: str, where: str) -> Node:
    place = _join(where, path)
    node = parse_node(tree.text(path), place)
    if node is None or node.tag != "map":
        raise Invalid(f"{place} cannot be read", Problem(place, "it is no mapping of names to values"))
    return node


def _join(where: str, path: str) -> str:
    return f"{where}/{path}" if where else path


def _text(node: Node, key: str) -> str:
    """As it is written: names and versions are texts to Helm, however much they look like numbers."""
    value = node.find(key)
    return value.real.text.strip() if value and value.real.tag != "null" else ""


def _dependency(node: Node) -> Dependency:
    tags = node.find("tags")
    return Dependency(
        name=_text(node, "name"),
        version=_text(node, "version"),
        repository=_text(node, "repository"),
        alias=_text(node, "alias"),
        condition=_text(node, "condition"),
        tags=tuple(item.real.text for item in tags.real.items) if tags else (),
    )


# .helmignore


def drop_ignored(tree: Tree) -> Tree:
    """A chart's folder without the files that its `.helmignore` names, as Helm packages it."""
    rules = [_Rule("templates/.?*"), *_rules(tree.find_text(".helmignore") or "")]
    return Tree({path: blob for path, blob in tree.files.items() if not _is_ignored(path, rules)})


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: str
    is_negated: bool = False
    folders_only: bool = False

    def matches(self, path: str, *, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return self.is_negated
        return self._fits(path) is not self.is_negated

    def _fits(self, path: str) -> bool:
        if self.pattern.startswith("/"):
            return _glob(self.pattern[1:]).fullmatch(path) is not None
        target = path if "/" in self.pattern else path.rpartition("/")[2]
        return _glob(self.pattern).fullmatch(target) is not None


def _rules(text: str) -> Iterator[_Rule]:
    for raw in text.removeprefix("\ufeff").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if "**" in line:
            raise Invalid(".helmignore cannot be read", Problem(".helmignore", "Helm knows no '**'"))
        is_negated = line.startswith("!")
        pattern = line[1:] if is_negated else line
        yield _Rule(pattern.rstrip("/"), is_negated=is_negated, folders_only=pattern.endswith("/"))


def _glob(pattern: str) -> re.Pattern[str]:
    """A pattern as Go's filepath.Match has it: `*` and `?` stop at a slash, `[...]` is a class, a backslash escapes."""
    parts = re.findall(r"\\.|\[\^?(?:\\.|[^\]\\])+\]|.", pattern, re.DOTALL)
    known = {"*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            known.get(part) or (part if part[0] in "[\\" and len(part) > 1 else re.escape(part))
            for part in parts
        )
    )


def _is_ignored(path: str, rules: list[_Rule]) -> bool:
    folders = [path[: match.start()] for match in re.finditer("/", path)]
    return any(rule.matches(folder, is_folder=True) for folder in folders for rule in rules) or any(
        rule.matches(path, is_folder=False) for rule in rules
    )


# Charts within charts and repositories


def vendored_folders(tree: Tree) -> dict[str, Tree]:
    """The unpacked charts below `charts/`, by folder."""
    names = sorted(
        {path.split("/")[1] for path in tree if path.startswith("charts/") and path.count("/") > 1}
    )
    folders = {name: tree.under(f"charts/{name}") for name in names if name[0] not in "._"}
    return {name: folder for name, folder in folders.items() if "Chart.yaml" in folder}


def find_in_tree(ref: ChartRef, tree: Tree, chart_dir: str) -> Chart | None:
    """A chart that lies in the environment's own repository, or None where `ref` means one from elsewhere.

    That is a `file://` path, relative to `chart_dir`, or no repository at all: an unpacked chart below `charts/`. NotFound where
    there is none at that place, or not in that version; Invalid where it is the environment itself.
    """
    if not ref.repository:
        here = vendored_folders(tree.under(chart_dir) if chart_dir else tree).values()
        found = [folder for folder in here if read_metadata(folder).name == ref.name]
        return _pick(ref, found) if found else None
    path = ref.repository.removeprefix("file://")
    if path == ref.repository or path.startswith("/"):
        return None
    folder = posixpath.normpath(posixpath.join(chart_dir or ".", path))
    if folder == (chart_dir or "."):
        raise Invalid(
            f"dependency {ref.name} is the environment's own chart: it would contain itself without end",
            Problem(f"{chart_dir}/Chart.yaml".lstrip("/"), f"{ref.name} is at {ref.repository}"),
            hint="name the folder of another chart, or leave that dependency out",
        )
    if not is_safe_path(folder):
        return None
    chart = tree.under(folder)
    if "Chart.yaml" not in chart:
        raise NotFound(
            f"there is no chart in {folder}",
            hint=f"{ref.repository} of dependency {ref.name} is relative to {chart_dir or 'the top folder'}",
        )
    return _pick(ref, [chart])


def _pick(ref: ChartRef, folders: list[Tree]) -> Chart:
    by_version = {read_metadata(folder).version: folder for folder in folders}
    version = find_newest(by_version, ref.version)
    if version is None:
        raise version_not_found(ref, tuple(by_version))
    files = drop_ignored(by_version[version])
    return Chart(replace(ref, version=version), version, files, files.digest)
