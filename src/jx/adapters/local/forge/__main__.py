"""The daemon: `python -m jx.adapters.local.forge --dir DIR --port PORT`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from jx.adapters.local.forge.app import make_app
from jx.adapters.local.forge.services import open_services
from jx.adapters.local.listening import address_of, listen, only_one, serve
from jx.domain.errors import JxError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    options = _parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        _serve(options.dir, options.port, tuple(options.host_name))
    except JxError as error:
        sys.stderr.write(f"forge: {error.message}\n" + (f"  {error.hint}\n" if error.hint else ""))
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jx.adapters.local.forge", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument(
        "--host-name", action="append", default=[], help="one more name that requests may use"
    )
    return parser.parse_args(arguments)


def _serve(folder: Path, port: int, names: tuple[str, ...]) -> None:
    with only_one(folder, "forge"), listen(port) as listener:
        services = open_services(folder, url=address_of(listener), now=_now)
        bound = listener.getsockname()[1]
        hosts = [f"{name}:{bound}" for name in ("127.0.0.1", "localhost", *names)]
        try:
            serve(make_app(services, _now, hosts=hosts), listener, folder / "ready")
        finally:
            services.store.close()


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


if __name__ == "__main__":
    raise SystemExit(main())
