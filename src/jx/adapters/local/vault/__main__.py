"""The daemon: `python -m jx.adapters.local.vault --dir DIR --port PORT --key-file FILE --kubeconfig FILE`.

A passphrase comes by the environment (JX_SECRETS_PASSPHRASE), never as an argument. With JX_SECRETS_KEYRING=1 the key of a
new store goes to the keyring of the desktop.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from jx.adapters.files.clock import SystemClock
from jx.adapters.files.writing import write_whole
from jx.adapters.local.listening import listen, only_one, serve
from jx.adapters.local.vault.access import Accesses
from jx.adapters.local.vault.app import Services, make_app
from jx.adapters.local.vault.audit import Audit
from jx.adapters.local.vault.engine import Engine
from jx.adapters.local.vault.review import reviewer
from jx.adapters.local.vault.sealing import KeySource, unseal
from jx.domain.errors import JxError

PASSPHRASE, KEYRING = "JX_SECRETS_PASSPHRASE", "JX_SECRETS_KEYRING"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    options = _parse(arguments)
    try:
        _serve(options)
    except JxError as error:
        sys.stderr.write(f"vault: {error.message}\n" + (f"  {error.hint}\n" if error.hint else ""))
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jx.adapters.local.vault", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where everything is kept, encrypted")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--key-file", type=Path, required=True, help="where the key is, outside of --dir")
    parser.add_argument(
        "--kubeconfig", type=Path, required=True, help="the cluster whose accounts may log in"
    )
    return parser.parse_args(arguments)


def _serve(options: argparse.Namespace) -> None:
    folder: Path = options.dir
    source = KeySource(
        options.key_file,
        os.environ.pop(PASSPHRASE, ""),
        in_keyring=os.environ.get(KEYRING, "") not in ("", "0"),
    )
    with only_one(folder, "secret store"), listen(options.port) as listener:
        serve(make_app(_services(folder, source, options.kubeconfig)), listener, folder / "ready")


def _services(folder: Path, source: KeySource, kubeconfig: Path) -> Services:
    clock = SystemClock()
    seal = unseal(folder, source)
    token_file = folder.parent / "tokens" / "vault"
    return Services(
        engine=Engine(folder / "secrets", seal, clock.now),
        accesses=Accesses(folder / "access.json", _root_token(token_file), clock.now),
        review=reviewer(kubeconfig, clock),
        audit=Audit(folder / "audit.jsonl", seal.audit_key, clock.now),
        now=clock.now,
    )


def _root_token(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(file, f"jx.{secrets.token_urlsafe(24)}\n".encode())
    return file.read_text().strip()


if __name__ == "__main__":
    raise SystemExit(main())
