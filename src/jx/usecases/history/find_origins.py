"""Find origins: what in an environment's files and charts made each field of an object. Found by trying, never by reading.

One object is rendered alone, again and again: with other values, one by one where that changes it, and with marked lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from jx.domain.applying import placing
from jx.domain.applying.placing import Target
from jx.domain.charts.apps import app_of
from jx.domain.charts.charts import Chart
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.errors import Invalid, JxError
from jx.domain.history.blame import (
    AddedOrigin,
    ComputedOrigin,
    Origin,
    TemplateOrigin,
    UnknownOrigin,
    ValueOrigin,
)
from jx.domain.layouts import dependencies, umbrella
from jx.domain.layouts.values_folders import list_folders
from jx.domain.ledger import ledger_fields
from jx.domain.names import AppKey, EnvironmentName
from jx.domain.objects.manifests import Capabilities, ObjectRef
from jx.domain.objects.secrets import is_secret
from jx.domain.secrets import perturbing
from jx.domain.secrets.perturbing import Leaf, Probe, ValuesFile
from jx.domain.texts.yaml_emitter import emit
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.renderer import Renderer, RenderRequest
from jx.usecases.planning.fetch_charts import fetch_charts

_MOST_RENDERS = 600
_PLACE = re.compile(r"\[[^\]]*\]")
_CHART_VALUES = re.compile(r"(?:charts/[^/]+/)*values\.yaml")


@dataclass(frozen=True, slots=True)
class OriginsAsk:
    """An object as the ledger has it, and the files that it was rendered from."""

    environment: EnvironmentName
    tree: Tree
    ref: ObjectRef
    source: str
    """Its template, as renders name it."""
    capabilities: Capabilities
    texts: Mapping[str, str]
    """Fields by path, as the ledger writes them."""


@dataclass(frozen=True, slots=True)
class FindOrigins:
    """Reads only. Charts that were fetched before need no network."""

    catalog: Catalog
    renderer: Renderer

    def __call__(self, ask: OriginsAsk) -> dict[str, Origin]:
        """The origin of each field that is asked about; what cannot be told says why."""
        try:
            run = self._begin(ask)
            return run.find()
        except JxError as error:
            return dict.fromkeys(ask.texts, UnknownOrigin(error.message))

    def _begin(self, ask: OriginsAsk) -> _Run:
        spec = umbrella.read(ask.tree, name=ask.environment)
        keys = tuple(str(app.key) for app in spec.apps)
        app = app_of(ask.source, keys)
        wanted = replace(spec, apps=tuple(one for one in spec.apps if one.key == app))
        charts = fetch_charts(wanted, ask.tree, self.catalog)
        return _Run(self.renderer, ask, spec, app, charts.get(AppKey(app)))


@dataclass
class _Run:
    """One object being looked at."""

    renderer: Renderer
    ask: OriginsAsk
    spec: EnvironmentSpec
    app: str
    chart: Chart | None
    renders: int = 0
    is_alone: bool = True
    """Whether nothing but its own template is rendered."""
    undecided: list[Leaf] = field(default_factory=list)
    followers: dict[str, list[tuple[Leaf, str, int]]] = field(default_factory=dict)
    """By path: the values that a field follows, what it then was, and by which way the value was changed."""

    def find(self) -> dict[str, Origin]:
        base = self._render({}, ())
        if base is None:  # its template may take in others
            self.is_alone = False
            base = self._render({}, ())
        if not base:
            why = "its chart does not render it from these files any more"
            return dict.fromkeys(self.ask.texts, UnknownOrigin(why))
        self.base = base
        again = self._render({}, (), draw=1)
        self.drawn = frozenset(path for path, text in base.items() if again and again.get(path) != text)
        files = self._files()
        self.values, leaves = perturbing.read_leaves(
            files, frozenset({self.app, "global"}) if self.app else None
        )
        shared = "".join(blob.data.decode(errors="replace") for blob in self._templates().files.values())
        depth = 1 if self.app else 0
        likely = [one for one in leaves if perturbing.may_matter(one, depth, shared)]
        seen = self._seen([leaf for leaf in likely if isinstance(leaf.value, str)])
        singly = [leaf for leaf in likely if leaf in seen or not isinstance(leaf.value, str | dict | list)]
        for leaf in singly:
            self._try([leaf])
        self._try([leaf for leaf in leaves if leaf not in singly])
        return self._origins()

    def _seen(self, leaves: list[Leaf]) -> list[Leaf]:
        """Those whose very text shows up in a field: it only spares trying the others one by one."""
        marked = {perturbing.mark(number): leaf for number, leaf in enumerate(leaves)}
        found = self._render(perturbing.with_marks(self.values, leaves), ())
        if not found:
            return leaves
        whole = "\n".join(found.values())
        return [leaf for mark, leaf in marked.items() if mark in whole]

    def _try(self, leaves: list[Leaf]) -> None:
        """Find which of these values fields follow."""
        if not leaves:
            return
        if len(leaves) > 1:
            found = self._render(perturbing.with_changed(self.values, leaves, way=0), ())
            if not found or self._changed(found):
                self._try(leaves[: len(leaves) // 2])
                self._try(leaves[len(leaves) // 2 :])
            return
        for way in range(perturbing.WAYS):
            found = self._render(perturbing.with_changed(self.values, leaves, way=way), ())
            if found is None:
                continue
            if not found:  # it only tells whether there is the object at all
                return
            changed = {path: text for path, text in self._changed(found).items() if text is not None}
            for path, text in changed.items():
                self.followers.setdefault(path, []).append((leaves[0], text, way))
            return
        if not isinstance(leaves[0].value, bool):
            self.undecided.append(leaves[0])

    def _changed(self, found: Mapping[str, str]) -> dict[str, str | None]:
        """Fields that are another than before; None for those that are gone. An item that is told by the very value that was
        changed is the same item."""
        changed: dict[str, str | None] = {
            path: found.get(path) for path, text in self.base.items() if found.get(path) != text
        }
        came: dict[str, list[str]] = {}
        for path in found:
            if path not in self.base:
                came.setdefault(_PLACE.sub("[]", path), []).append(path)
        for path in [path for path, text in changed.items() if text is None]:
            there = came.get(_PLACE.sub("[]", path))
            if there:
                now = found[there.pop(0)]
                if now == self.base[path]:
                    del changed[path]
                else:
                    changed[path] = now
        return changed

    def _origins(self) -> dict[str, Origin]:
        lines = self._lines([path for path in self.ask.texts if path in self.base and not self._exact(path)])
        found: dict[str, Origin] = {}
        is_masked = is_secret({"kind": self.ask.ref.kind, "apiVersion": "v1"})
        for path, text in self.ask.texts.items():
            if path not in self.base:
                found[path] = AddedOrigin()
            elif path in self.drawn:
                found[path] = UnknownOrigin("the chart draws it at random")
            elif self.base[path] != text and not is_masked and "<secret:" not in text:
                found[path] = UnknownOrigin("rendered again it is another")
            else:
                found[path] = self._exact(path) or self._made(path, lines.get(path))
        return found

    def _exact(self, path: str) -> ValueOrigin | None:
        """The one value that the field is."""
        following = self.followers.get(path, [])
        if len(following) != 1:
            return None
        leaf, now, way = following[0]
        is_same = _plain(self.base[path]) == _plain_value(leaf.value)
        follows = _plain(now) == _plain_value(perturbing.another(leaf.value, way))
        return _origin_of(leaf) if is_same and follows else None

    def _made(self, path: str, probe: Probe | None) -> Origin:
        file = self._shown_template(probe.file if probe else self._template)
        line = probe.line if probe else None
        following = self.followers.get(path, [])
        if not following and not self.undecided:
            return TemplateOrigin(file, line)
        values = tuple(_origin_of(leaf) for leaf, _, _ in following)
        if not following:
            return TemplateOrigin(file, line) if line else ComputedOrigin(file, line, (), self._undecided)
        return ComputedOrigin(file, line, values, self._undecided)

    @property
    def _undecided(self) -> tuple[str, ...]:
        return tuple(leaf.name for leaf in self.undecided)

    def _lines(self, paths: list[str]) -> dict[str, Probe]:
        """The line of a template that each of these fields is set in, where a mark in that line shows up in the field."""
        keys = frozenset(key for path in paths for key in _keys(path))
        probes = perturbing.list_probes(self._templates(), keys)
        found = self._render({}, probes)
        shots = [(found, probes)] if found else []
        if not shots and len(probes) <= _MOST_RENDERS - self.renders:
            tried = ((self._render({}, (one,)), (one,)) for one in probes)
            shots = [(fields, some) for fields, some in tried if fields]
        words = {one.word: one for _, some in shots for one in some}
        lines: dict[str, Probe] = {}
        for fields, _ in shots:
            for path, text in self._changed(fields).items():
                probe = words.get(_plain(text)) if text else None
                if probe:
                    lines[path] = probe
        return lines

    # Rendering

    @property
    def _template(self) -> str:
        """The template, relative to its chart."""
        parts = self.ask.source.split("/")
        return "/".join(parts[3:] if self.app else parts[1:])

    def _templates(self) -> Tree:
        chart = perturbing.without_schemas(self.chart.files if self.chart else self.spec.chart)
        return perturbing.only_template(chart, self._template) if self.is_alone else chart

    @cached_property
    def _umbrella(self) -> Tree:
        return perturbing.only_template(_without_others(self.spec.chart, self.app), "")

    def _shown_template(self, path: str) -> str:
        if self.chart:
            return f"{self.chart.ref.name}-{self.chart.version}/{path}"
        place = f"{self.spec.chart_dir}/" if self.spec.chart_dir else ""
        _, key, rest = (*path.split("/", 2), "", "")[:3]
        beside = f"{place}{key}/templates/{rest}"  # templates beside an app are moved for Helm to find them
        return beside if beside in self.ask.tree else place + path

    def _render(
        self, values: Mapping[str, object], probes: Sequence[Probe], *, draw: int = 0
    ) -> dict[str, str] | None:
        """The fields of the object, by path; none where it is not rendered, None where nothing can be."""
        self.renders += 1
        if self.renders > _MOST_RENDERS:
            raise Invalid("too many values play a part: it would take too long to try them all")
        templates = perturbing.with_probes(self._templates(), probes)
        chart = self._umbrella if self.app else _without_others(templates, self.app)
        charts = (
            {AppKey(self.app): replace(self.chart, files=templates, digest="", archive=b"")}
            if self.chart
            else {}
        )
        place = next((one for one in self.spec.requirements.apps if one.app == self.app), None)
        target = Target(self.spec.name, self.spec.namespace, self.spec.release)
        target = target.at(place) if place else target
        try:
            rendered = self.renderer.render(
                RenderRequest(
                    release=target.release,
                    namespace=target.namespace,
                    chart=chart,
                    dependencies=charts,
                    capabilities=self.ask.capabilities,
                    values=values,
                    draw=draw,
                )
            )
        except JxError:
            return None
        ask, ref = self.ask, self.ask.ref
        named = (ref.group, ref.kind, ref.name)
        objects = (*rendered.objects, *(hook.manifest for hook in rendered.hooks))
        found = next((one for one in objects if (one.ref.group, one.ref.kind, one.ref.name) == named), None)
        if found is None:  # its very name may be what was changed
            others = [one for one in objects if one.source == ask.source and one.ref.kind == ref.kind]
            found = others[0] if len(others) == 1 else None
        if found is None:
            return {}
        return {
            path: one.text for path, one in ledger_fields.read_fields(emit(placing.clean(found.body))).items()
        }

    def _files(self) -> list[ValuesFile]:
        """Files of values, those that win last."""
        found: list[ValuesFile] = []
        if self.chart:
            name = f"{self.chart.ref.name}-{self.chart.version}"
            inner = [path for path in self.chart.files if _CHART_VALUES.fullmatch(path)]
            for path in sorted(inner, key=lambda one: -one.count("/")):
                below = (self.app, *path.split("/")[1:-1:2])
                text = self.chart.files.text(path)
                found.append(ValuesFile(f"{name}/{path}", text, below, is_default=True))
        place = f"{self.spec.chart_dir}/" if self.spec.chart_dir else ""
        chart = self.ask.tree.under(self.spec.chart_dir) if self.spec.chart_dir else self.ask.tree
        own = chart.find_text("values.yaml")
        found += [ValuesFile(f"{place}values.yaml", own)] if own else []
        for folder in list_folders(chart):
            path = f"{folder}/values.yaml"
            found.append(ValuesFile(place + path, chart.text(path), tuple(folder.split("/"))))
        return found

    drawn: frozenset[str] = frozenset()
    base: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)


def _without_others(chart: Tree, app: str) -> Tree:
    """The chart with one dependency, or none."""
    path = dependencies.holder_of(chart)
    data = read_mapping(chart.find_text(path) or "", path)
    rows = [one for one in data.get("dependencies") or () if (one.get("alias") or one.get("name")) == app]
    return chart.put(path, emit({**data, "dependencies": rows}))


def _keys(path: str) -> Iterator[str]:
    """What the last key of a path may be: keys may hold dots. Empty for an item of a list."""
    if path[-1] == "]":
        yield ""
        return
    parts = _PLACE.sub("", path).split(".")
    yield from (".".join(parts[at:]) for at in range(1, len(parts)))


def _origin_of(leaf: Leaf) -> ValueOrigin:
    return ValueOrigin(leaf.file, leaf.line, leaf.name, leaf.is_default, leaf.path[leaf.below :])


def _plain(text: str) -> str:
    return ledger_fields.shown(text)


def _plain_value(value: object) -> str:
    return _plain(ledger_fields.read_fields(emit({"k": value})).popitem()[1].text)
