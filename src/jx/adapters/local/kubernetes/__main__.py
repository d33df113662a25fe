"""`python -m jx.adapters.local.kubernetes`: the embedded API by itself."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jx.adapters.local.kubernetes.controllers.nodes import PodAddresses
from jx.adapters.local.kubernetes.controllers.play import FAILURES, PlaySettings
from jx.adapters.local.kubernetes.controllers.workloads import Settings, Workloads
from jx.adapters.local.kubernetes.serve import serve


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m jx.adapters.local.kubernetes", description=main.__doc__)
    parser.add_argument(
        "--dir", type=Path, required=True, help="where state, keys and admin.kubeconfig are kept"
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0: any free one; admin.kubeconfig tells which")
    parser.add_argument(
        "--name", default="jx-local", help="context, cluster and user in the kubeconfig (%(default)s)"
    )
    parser.add_argument("--namespace", default="jx", help="the context's namespace (%(default)s)")
    parser.add_argument(
        "--workloads",
        action="store_true",
        help="run the controllers, too: workloads get pods, which are played",
    )
    parser.add_argument(
        "--ready-after-seconds",
        type=float,
        default=PlaySettings.ready_after_seconds,
        help="how long played pods take to be ready (%(default)s)",
    )
    parser.add_argument(
        "--fail",
        action="append",
        default=[],
        metavar="IMAGE=HOW",
        help=f"played images that fail, `*` for any text; HOW is one of {', '.join(FAILURES)}",
    )
    parser.add_argument(
        "--audit-log",
        type=Path,
        help="a file that all requests are added to, as Kubernetes' own API server does",
    )
    options = parser.parse_args()
    try:
        run(
            options.dir,
            host=options.host,
            port=options.port,
            name=options.name,
            namespace=options.namespace,
            audit_log=options.audit_log,
            play=PlaySettings.parse(options.ready_after_seconds, options.fail) if options.workloads else None,
        )
    except (OSError, ValueError) as error:
        sys.exit(f"the API server cannot start on {options.host}:{options.port} with {options.dir}: {error}")


def run(  # noqa: PLR0913 - what a user may set
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    name: str = "jx-local",
    namespace: str = "jx",
    audit_log: Path | None = None,
    play: PlaySettings | None,
) -> None:
    """Serve until SIGTERM or SIGINT; with the controllers of workloads where it is told how their pods are to be played."""
    extensions = []
    if play is not None:
        settings = Settings(play=play)
        extensions.append(lambda api: Workloads(api, PodAddresses(str(directory)), settings))
    serve(
        directory,
        host=host,
        port=port,
        name=name,
        namespace=namespace,
        audit_log=audit_log,
        extensions=extensions,
    )


if __name__ == "__main__":
    main()
