"""The chart repository: archives in a folder, and the `index.yaml` that Helm reads, made from nothing but the archives."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tarfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from jx.domain.errors import Invalid, NotFound, Problem, Refused

log = logging.getLogger("jx.forge.charts")

LARGEST_ARCHIVE = 20 * 1024 * 1024
_LARGEST_CHART_YAML = 1024 * 1024


class Charts:
    """All charts. Files may also be dropped into the folder; what is no chart is left out of the index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[Path, _Archive] = {}
        folder.mkdir(mode=0o700, exist_ok=True)

    def index(self) -> bytes:
        """`index.yaml`: by name, newest first; the same archives give the same bytes."""
        with self._lock:
            archives = self._look()
        entries: dict[str, list[dict[str, Any]]] = {}
        for archive in sorted(
            archives, key=lambda one: (one.name, _order(one.version), one.version), reverse=True
        ):
            entries.setdefault(archive.name, []).append(archive.entry)
        newest = max((archive.entry["created"] for archive in archives), default="1970-01-01T00:00:00Z")
        document = {"apiVersion": "v1", "entries": dict(sorted(entries.items())), "generated": newest}
        return yaml.dump(document, Dumper=_Quoting, sort_keys=False, width=2**20, allow_unicode=True).encode()

    def stamp(self) -> str:
        """Another one whenever the index may be another."""
        with self._lock:
            self._look()
            known = [(path.name, *archive.stamp) for path, archive in self._known.items()]
        return hashlib.sha256(repr(known).encode()).hexdigest()

    def read(self, file: str) -> bytes:
        """An archive by its file name; NotFound."""
        path = self._folder / file
        if Path(file).name != file or path.suffix != ".tgz" or not path.is_file():
            raise NotFound(f"there is no chart archive {file}", hint="index.yaml lists those there are")
        return path.read_bytes()

    def put(self, file: str, data: bytes) -> bool:
        """Publish an archive under `<name>-<version>.tgz`; False where it is there. Refused where that
        version has other content."""
        metadata = read_chart_yaml(data)
        wanted = f"{metadata['name']}-{metadata['version']}.tgz"
        if file != wanted:
            raise Invalid(f"{file} is not the name of that chart", Problem(file, f"it would be {wanted}"))
        path = self._folder / file
        with self._lock:
            if path.is_file() and path.read_bytes() == data:
                return False
            if path.exists():
                raise Refused(
                    f"{file} is published already, with other content", hint="raise the chart's version"
                )
            draft = self._folder / f".{file}.new"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            draft.rename(path)
        return True

    def _look(self) -> Iterable[_Archive]:
        found = {}
        for path in sorted(self._folder.glob("[!.]*.tgz")):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            known = self._known.get(path)
            if known is None or known.stamp != (stat.st_mtime_ns, stat.st_size):
                known = _open_archive(path, (stat.st_mtime_ns, stat.st_size))
            found[path] = known
        self._known = found
        return [archive for archive in found.values() if archive.name]


@dataclass(frozen=True, slots=True)
class _Archive:
    """A file as it was at a stamp; without a name it is no chart."""

    stamp: tuple[int, int]
    name: str = ""
    version: str = ""
    entry: dict[str, Any] = field(default_factory=dict)


def _open_archive(path: Path, stamp: tuple[int, int]) -> _Archive:
    try:
        data = path.read_bytes()
        metadata = read_chart_yaml(data)
    except (OSError, Invalid) as error:
        log.warning("%s is left out of the index: %s", path.name, error)
        return _Archive(stamp)
    created = datetime.fromtimestamp(stamp[0] // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = {
        **dict(sorted(metadata.items())),
        "created": created,
        "digest": hashlib.sha256(data).hexdigest(),
        "urls": [path.name],
    }
    return _Archive(stamp, metadata["name"], metadata["version"], entry)


def read_chart_yaml(data: bytes) -> dict[str, Any]:
    """`Chart.yaml` of an archive, its name and versions as texts; Invalid for what is no chart."""
    try:
        text = _extract(data)
        metadata = yaml.load(
            text, Loader=yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
        )
        plain = yaml.load(text, Loader=yaml.BaseLoader)
    except (tarfile.TarError, EOFError, OSError, yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise Invalid("this is no chart archive", Problem("", str(error).splitlines()[0])) from error
    if not isinstance(metadata, dict) or not isinstance(plain, dict):
        raise Invalid("this is no chart archive", Problem("Chart.yaml", "not a mapping"))
    for key in ("name", "version"):
        if not isinstance(plain.get(key), str) or not plain[key] or "/" in plain[key]:
            raise Invalid("this is no chart archive", Problem("Chart.yaml", f"no {key}"))
    # A version that YAML takes for a number (1.10) is a text for Helm.
    texts = {key: plain[key] for key in ("name", "version", "appVersion") if isinstance(plain.get(key), str)}
    return {**metadata, **texts}


def _extract(data: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            parts = member.name.removeprefix("./").split("/")
            if len(parts) == 2 and parts[1] == "Chart.yaml" and member.isfile():
                if member.size > _LARGEST_CHART_YAML:
                    raise ValueError("its Chart.yaml is too large")
                file = archive.extractfile(member)
                assert file is not None
                return file.read().decode()
    raise ValueError("it has no Chart.yaml")


def _order(version: str) -> tuple[tuple[int, ...], bool]:
    """Good enough for people who read the index; Helm sorts by itself. A pre-release comes before its release."""
    core, dash, _ = version.removeprefix("v").partition("+")[0].partition("-")
    numbers = tuple(int(part) if part.isdigit() else 0 for part in core.split("."))
    return numbers, not dash


class _Quoting(yaml.CSafeDumper):
    """Quotes every text, so that no reader of YAML, old or new, takes one for a number, a time or a truth value."""


def _quote(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Quoting.add_representer(str, _quote)
