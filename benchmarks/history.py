"""Looking back over 1,000 commits of 1,000 objects: history, blame, verification, and the preview of a revert."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import api_servers
from benchmarks.environments import Clone, chart_repository
from benchmarks.report import Report

CHARTS = 50
COMMITS = 1000
ROUNDS = 5
NAMESPACE = "bench-history"
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
STEP = timedelta(days=365) / COMMITS
PERSON = "Ann Lee <ann@example.com>"


@dataclass(frozen=True)
class Past:
    """A clone whose branch and ledger have a long history, and a wiring for the cluster that it is applied to."""

    clone: Clone
    wiring: Any
    end: datetime


def run(report: Report) -> None:
    """Each as a use-case in this process, and as a command from the start of its process to its end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as parent, api_servers.embedded() as server:
        report.say(f"  making {COMMITS:,} commits of {CHARTS * 20:,} objects")
        with _past(Path(parent), str(server.kubeconfig)) as past:
            for name, act, aim in _measured(past):
                report.say(f"  {name}")
                report.add(name, _median(act), "s", aim=aim)
            for words, aim in _commands(past):
                seconds = _median(lambda words=words: _jx(past, *words), rounds=3)  # type: ignore[misc]
                report.add(f"jx {' '.join(words)}, whole command", seconds, "s", aim=aim)
            past.wiring.close()
    report.note("The forge is not asked: each of its pull requests is one request more for a verification.")


def _measured(past: Past) -> Iterator[tuple[str, Callable[[], object], str]]:
    from jx.adapters.git.histories import CloneHistories
    from jx.domain.environments.environments import Environment
    from jx.domain.names import EnvironmentName, Repo
    from jx.usecases.history.blame_object import BlameObject, BlameRequest
    from jx.usecases.history.find_origins import FindOrigins
    from jx.usecases.history.find_revert import FindRevert, RevertTarget
    from jx.usecases.history.preview_revert import PreviewRevert
    from jx.usecases.history.show_history import HistoryRequest, Place, ShowHistory
    from jx.usecases.history.verify_history import VerifyHistory

    wiring, folder = past.wiring, past.clone.folder
    repo = Repo(f"file://{folder.parent / 'remote.git'}")
    name = EnvironmentName(NAMESPACE)
    place, histories = Place(name, repo), CloneHistories(folder)
    show = ShowHistory(histories, wiring.reporter, wiring.anchors)
    month = HistoryRequest((place,), since=past.end - timedelta(days=30))
    blame = BlameObject(
        histories, wiring.reporter, FindOrigins(wiring.catalog, wiring.renderer), wiring.cluster
    )
    thing = (place,), "ConfigMap", "chart-000-settings", NAMESPACE
    verify = VerifyHistory(histories, histories, wiring.anchors, None)
    environment = Environment(name, NAMESPACE, repo)
    preview = PreviewRevert(wiring.plan_environment(), wiring.anchors, {})

    def revert() -> object:
        found = FindRevert(histories)(name, (repo, "master"), RevertTarget("chart-007"))
        return preview(environment, (environment,), found)

    yield "a month of history, 82 entries", lambda: _told(show(month)), "< 0.3"
    yield "all of it, 1,000 entries", lambda: _told(show(HistoryRequest((place,)))), ""
    yield (
        "blame: which apply set each field",
        lambda: blame(BlameRequest(*thing, with_origins=False)),
        "< 0.2",
    )
    yield "blame: and what made it so", lambda: blame(BlameRequest(*thing)), "< 0.2"
    yield "preview of a revert", revert, "< 2"
    yield "verification, without the forge", lambda: verify(place), "< 10"


def _told(entries: tuple[Any, ...]) -> object:
    from jx.domain.history import history

    return [history.in_words(one) for one in entries]


def _commands(past: Past) -> Iterator[tuple[tuple[str, ...], str]]:
    since = f"{past.end - timedelta(days=30):%Y-%m-%dT%H:%M}"
    thing = "ConfigMap/chart-000-settings"
    yield ("get", "history", "--dir", ".", "--since", since), ""
    yield ("blame", thing, "--dir", ".", "--quick"), ""
    yield ("blame", thing, "--dir", "."), ""


def _median(act: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def _jx(past: Past, *words: str) -> None:
    command = [sys.executable, "-m", "jx", *words]
    done = subprocess.run(command, cwd=past.clone.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


@contextmanager
def _past(folder: Path, kubeconfig: str) -> Iterator[Past]:
    names = [f"chart-{number:03d}" for number in range(CHARTS)]
    (folder / "charts").mkdir()
    before = dict(os.environ)
    os.environ.update(JX_HOME=str(folder / "home"), KUBECONFIG=kubeconfig)
    try:
        with chart_repository(folder / "charts", names) as url:
            clone = Clone.make(folder, url, NAMESPACE, names)
            end = _make_history(clone, names)
            apply = [
                "step",
                "env",
                "apply",
                "-b",
                "--no-wait",
                "--allow",
                "ledger-moved",
                "-d",
                str(clone.folder),
            ]
            command = [sys.executable, "-m", "jx", *apply]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _git(clone.folder, "fetch", "-q", "origin")
            yield Past(clone, _wiring(), end)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _wiring() -> Any:
    from jx.adapters.local.memory_records import MemoryReporter
    from jx.config import load
    from jx.wiring import Wiring

    return Wiring(load.load(), MemoryReporter())


def _make_history(clone: Clone, names: list[str]) -> datetime:
    """A change of one chart's note a commit, and the entry of its apply; every tenth is an upgrade of its tag: twenty objects."""
    values: dict[str, dict[str, str]] = {name: {"note": "first", "tag": "1.0"} for name in names}
    source, entries = [], []
    for number in range(COMMITS):
        name = names[number % CHARTS]
        key = "tag" if number % 10 == 9 else "note"
        values[name][key] = f"{number}.0" if key == "tag" else f"change {number}"
        text = "".join(f"{one}:\n  note: {v['note']}\n  tag: '{v['tag']}'\n" for one, v in values.items())
        edit = f'{{"do":"set-values","key":"{name}","values":{{"{key}":"{values[name][key]}"}}}}'
        message = f"Edit {name}\n\nJx-Edit: {edit}\n"
        source.append((message, {"env/values.yaml": text}))
        entries.append((name, dict(values[name])))
    head = _output(clone.folder, "rev-parse", "HEAD")
    _import(clone.folder, "refs/heads/master", source, parent=head)
    _git(clone.folder, "reset", "-q", "--hard", "master")
    _git(clone.folder, "push", "-q", "origin", "master")
    revisions = _output(clone.folder, "rev-list", "--reverse", f"{head}..master").split()
    _import(clone.folder, "refs/heads/ledger-draft", list(_ledger(clone, names, entries, revisions)))
    _git(clone.folder, "push", "-q", "origin", "ledger-draft:jx-ledger")
    _git(clone.folder, "branch", "-q", "-D", "ledger-draft")
    return BEGIN + STEP * COMMITS


def _ledger(
    clone: Clone, names: list[str], entries: list[tuple[str, dict[str, str]]], revisions: list[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Messages and files of the entries: the first has everything."""
    from jx.adapters.git.histories import CloneHistories
    from jx.domain.ledger import ledger
    from jx.domain.names import Repo, Revision
    from jx.domain.objects.manifests import Capabilities
    from jx.domain.texts.yaml_emitter import emit

    digests = CloneHistories(clone.folder).digests(Repo(clone.url), tuple(map(Revision, revisions)))
    rendered = _Rendered(clone)
    for number, (name, values) in enumerate(entries):
        files = {}
        for one in names if number == 0 else [name]:
            files.update(rendered.files(one, values if one == name else {"note": "first", "tag": "1.0"}))
        if number == 0:
            files[ledger.CAPABILITIES] = ledger.capabilities_text(Capabilities())
            files[ledger.SOURCES] = emit(rendered.sources)
        revision = revisions[number]
        trailers = [
            f"Jx-Environment: {NAMESPACE}", f"Jx-Source-Commit: {revision}", f"Jx-Source-Tree: {digests[Revision(revision)]}",
            *(f"Jx-Chart: {one} 1.0.0 sha256:{one}" for one in names),
            "Jx-Result: applied", "Jx-Applied-By: controller",
        ]  # fmt: skip
        yield f"Edit {name}\n\n1 updated\n\n" + "\n".join(trailers) + "\n", files
    rendered.close()


class _Rendered:
    """Objects of one chart at a time, as the ledger has them."""

    def __init__(self, clone: Clone) -> None:
        from jx.adapters.helm.renderer import HelmRenderer

        self.sources: dict[str, str] = {}
        self._renderer = HelmRenderer()
        self._url = clone.url

    def files(self, name: str, values: dict[str, str]) -> dict[str, str]:
        """Files by path."""
        from benchmarks.environments import chart_files
        from jx.domain.charts.charts import Chart, ChartRef
        from jx.domain.ledger import ledger
        from jx.domain.names import AppKey
        from jx.domain.objects.manifests import Capabilities
        from jx.domain.trees import Blob, Tree
        from jx.ports.renderer import RenderRequest

        tree = Tree({path: Blob(text.encode()) for path, text in chart_files(name).items()})
        chart = Chart(ChartRef(name, self._url, "1.0.0"), "1.0.0", tree, tree.digest)
        row = f"- {{name: {name}, version: 1.0.0, repository: '{self._url}'}}\n"
        umbrella = f"apiVersion: v2\nname: env\nversion: 1.0.0\ndependencies:\n{row}"
        request = RenderRequest(
            release=NAMESPACE,
            namespace=NAMESPACE,
            chart=Tree({"Chart.yaml": Blob(umbrella.encode())}),
            dependencies={AppKey(name): chart},
            capabilities=Capabilities(),
            values={name: values},
        )
        found = {}
        for one in self._renderer.render(request).objects:
            is_global = one.ref.kind.startswith("Cluster")
            path = ledger.path_of(replace(one.ref, namespace="" if is_global else NAMESPACE))
            self.sources[path] = one.source
            found[path] = ledger.text_of(one.body)
        return found

    def close(self) -> None:
        """End Helm's process."""
        self._renderer.close()


def _import(folder: Path, ref: str, commits: list[tuple[str, dict[str, str]]], *, parent: str = "") -> None:
    """Commits, each with the files that it changes, in one go."""
    parts = [b"feature done\n"]
    for number, (message, files) in enumerate(commits):
        at = int((BEGIN + STEP * number).timestamp())
        data = message.encode()
        parts.append(
            f"commit {ref}\nauthor {PERSON} {at} +0000\ncommitter {PERSON} {at} +0000\ndata {len(data)}\n".encode()
            + data
        )
        parts.append(f"\nfrom {parent}\n".encode() if parent and number == 0 else b"\n")
        for path, text in files.items():
            content = text.encode()
            parts.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
    parts.append(b"done\n")
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"], cwd=folder, input=b"".join(parts), check=True
    )


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _output(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
