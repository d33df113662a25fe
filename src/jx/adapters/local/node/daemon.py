"""The embedded cluster as one process: API server, controllers, node and ingress router."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.kubernetes.controllers.nodes import PodAddresses
from jx.adapters.local.kubernetes.controllers.play import FAILURES, PlaySettings
from jx.adapters.local.kubernetes.controllers.workloads import Settings as WorkloadSettings
from jx.adapters.local.kubernetes.controllers.workloads import Workloads
from jx.adapters.local.kubernetes.serve import serve
from jx.adapters.local.node.containers import Patience
from jx.adapters.local.node.images import Images
from jx.adapters.local.node.ingress import Ingress
from jx.adapters.local.node.node import Node
from jx.adapters.local.node.pods import Settings as NodeSettings
from jx.domain.errors import JxError, Locked

IMAGES = "images.json"
READY = "ready"


class Cluster:
    """Controllers, node and router of one API, as one extension; `ready` is written once all of them work."""

    def __init__(
        self, api: Api, folder: Path, *, ingress_port: int, settings: NodeSettings, play: PlaySettings
    ) -> None:
        addresses = PodAddresses(str(folder.resolve()))
        images = Images(folder / IMAGES)
        self._ready = folder / READY
        self.node = Node(api, folder, images=images, addresses=addresses, settings=settings)
        self.workloads = Workloads(api, addresses, WorkloadSettings(play=play, is_real=self.node.is_real))
        self.ingress = Ingress(self.node.cluster, port=ingress_port)

    def start(self) -> None:
        self.node.start()
        self.workloads.start()
        self.ingress.start()
        self._ready.write_text(f"{os.getpid()} {self.ingress.port}\n")

    def stop(self) -> None:
        self._ready.unlink(missing_ok=True)
        self.ingress.stop()
        self.workloads.stop()
        self.node.stop()


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Locked where another daemon works on this folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "daemon.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(f"another daemon runs on {folder}", hint="stop it first") from error
        yield


def free_port(host: str) -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def run(
    folder: Path, *, port: int, ingress_port: int, name: str, patience: Patience, play: PlaySettings
) -> None:
    """Serve until SIGTERM or SIGINT."""
    with only_one(folder):
        (folder / READY).unlink(missing_ok=True)
        chosen = port or free_port("127.0.0.1")
        settings = NodeSettings(patience=patience, server=("127.0.0.1", chosen))

        def extend(api: Api) -> Cluster:
            return Cluster(api, folder, ingress_port=ingress_port, settings=settings, play=play)

        serve(folder, port=chosen, name=name, extensions=[extend])


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
    given = parser.parse_args(arguments)
    failures = {}
    for text in given.fail:
        image, _, how = text.rpartition("=")
        if not image or how not in FAILURES:
            parser.error(f"--fail {text}: must be IMAGE=HOW, HOW one of {', '.join(FAILURES)}")
        failures[image] = how
    patience = Patience(given.first_restart_seconds, given.longest_restart_seconds)
    play = PlaySettings(ready_after_seconds=given.ready_after_seconds, failures=failures)
    try:
        run(
            given.dir,
            port=given.port,
            ingress_port=given.ingress_port,
            name=given.name,
            patience=patience,
            play=play,
        )
    except JxError as error:
        sys.stderr.write(f"{error.message}{f' ({error.hint})' if error.hint else ''}\n")
        return 1
    return 0
