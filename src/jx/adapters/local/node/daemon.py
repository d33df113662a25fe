"""The embedded cluster as one process: API server, controllers, node and ingress router."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.kubernetes.controllers.nodes import PodAddresses
from jx.adapters.local.kubernetes.controllers.play import FAILURES, PlaySettings
from jx.adapters.local.kubernetes.controllers.workloads import Settings as WorkloadSettings
from jx.adapters.local.kubernetes.controllers.workloads import Workloads
from jx.adapters.local.kubernetes.serve import Server
from jx.adapters.local.node.containers import Patience
from jx.adapters.local.node.images import Images
from jx.adapters.local.node.ingress import Ingress, taken
from jx.adapters.local.node.node import Node
from jx.adapters.local.node.pods import Settings as NodeSettings
from jx.domain.errors import JxError, Locked

IMAGES = "images.json"
READY = "ready"


@dataclass(frozen=True)
class Options:
    """What a daemon is started with; port 0 is any free one."""

    folder: Path
    port: int = 0
    ingress_port: int = 0
    name: str = "jx-local"
    namespace: str = "jx"
    patience: Patience = field(default_factory=Patience)
    play: PlaySettings = field(default_factory=PlaySettings)
    hidden: tuple[Path, ...] = ()
    guarded: tuple[Path, ...] = ()
    audit_log: Path | None = None


class Cluster:
    """Controllers, node and router of one API, as one extension; `ready` is written once all of them work.

    The ready file holds the process' number and the router's port.
    """

    def __init__(self, api: Api, options: Options, settings: NodeSettings) -> None:
        folder = options.folder
        addresses = PodAddresses(str(folder.resolve()))
        images = Images(folder / IMAGES)
        self._ready = folder / READY
        self.node = Node(api, folder, images=images, addresses=addresses, settings=settings)
        self.workloads = Workloads(
            api, addresses, WorkloadSettings(play=options.play, is_real=self.node.is_real)
        )
        self.ingress = Ingress(self.node.cluster, port=options.ingress_port)

    def start(self) -> None:
        self.node.start()
        self.workloads.start()
        self.ingress.start()
        fresh = self._ready.with_suffix(".new")
        fresh.write_text(f"{os.getpid()} {self.ingress.port}\n")
        fresh.replace(self._ready)

    def stop(self) -> None:
        self._ready.unlink(missing_ok=True)
        self.ingress.stop()
        self.workloads.stop()
        self.node.stop()


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Locked where another daemon works on this folder; the lock's file holds the process' number."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "daemon.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(f"another daemon runs on {folder}", hint="stop it first") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Locked where another daemon has the folder, Unavailable for a taken port."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    with only_one(options.folder):
        (options.folder / READY).unlink(missing_ok=True)
        try:
            server = Server(
                options.folder,
                port=options.port,
                name=options.name,
                namespace=options.namespace,
                audit_log=options.audit_log,
            )
        except OSError as error:
            raise taken(options.port, error) from error
        with server:
            settings = NodeSettings(
                patience=options.patience,
                server=("127.0.0.1", server.port),
                hidden=options.hidden,
                guarded=options.guarded,
            )
            cluster = Cluster(server.api, options, settings)
            try:
                cluster.start()
                end.wait()
            finally:
                cluster.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m jx.adapters.local.node", description=__doc__)
    parser.add_argument(
        "--dir", type=Path, required=True, help="folder of the cluster's state and its images.json"
    )
    parser.add_argument("--port", type=int, default=0, help="port of the Kubernetes API (0: any free one)")
    parser.add_argument(
        "--ingress-port", type=int, default=0, help="port of the ingress router (0: any free one)"
    )
    parser.add_argument("--name", default="jx-local", help="name of the cluster in its kubeconfig")
    parser.add_argument("--namespace", default="jx", help="the namespace of the kubeconfig's context")
    parser.add_argument("--first-restart-seconds", type=float, default=Patience.first_seconds)
    parser.add_argument("--longest-restart-seconds", type=float, default=Patience.longest_seconds)
    parser.add_argument("--ready-after-seconds", type=float, default=PlaySettings.ready_after_seconds)
    parser.add_argument(
        "--fail",
        action="append",
        default=[],
        metavar="IMAGE=HOW",
        help=f"played images that fail: {', '.join(FAILURES)}",
    )
    parser.add_argument(
        "--hide",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a folder that steps of pipelines may not see",
    )
    parser.add_argument(
        "--guard",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a folder that steps of pipelines may not change",
    )
    parser.add_argument("--audit-log", type=Path, help="file that all requests are added to")
    given = parser.parse_args(arguments)
    try:
        play = PlaySettings.parse(given.ready_after_seconds, given.fail)
    except ValueError as error:
        parser.error(str(error))
    options = Options(
        folder=given.dir,
        port=given.port,
        ingress_port=given.ingress_port,
        name=given.name,
        namespace=given.namespace,
        patience=Patience(given.first_restart_seconds, given.longest_restart_seconds),
        play=play,
        hidden=tuple(given.hide),
        guarded=tuple(given.guard),
        audit_log=given.audit_log,
    )
    try:
        run(options)
    except JxError as error:
        sys.stderr.write(f"{error.message}{f' ({error.hint})' if error.hint else ''}\n")
        return 1
    return 0
