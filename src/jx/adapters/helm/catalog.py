"""Where charts come from: repositories with an index, OCI registries, folders; and a cache before the first two."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from jx.adapters.helm.archives import DEFAULT_LIMITS
from jx.adapters.helm.cache import ChartCache
from jx.adapters.helm.download import Downloader, origin_of
from jx.adapters.helm.folders import FolderCharts, open_archive
from jx.adapters.helm.index import load_index
from jx.adapters.helm.oci import OciRegistry, registry_url
from jx.domain.charts.catalogs import pick_version
from jx.domain.charts.charts import Chart, ChartRef, ChartVersion
from jx.domain.charts.logins import Credential, Login
from jx.domain.charts.versions import Version
from jx.domain.errors import Invalid, NotFound, Problem, Unavailable

_TOKENS_AT: Final = {"https://registry-1.docker.io": "https://auth.docker.io"}
"""Registries whose tokens are given by another host of theirs. Where any other sends us, a login does not go along."""

Open = Callable[[Login], Credential]
"""Gives a login that is kept somewhere; raises as the store does that has it."""


def no_logins(login: Login) -> Credential:
    """For who has no store."""
    raise NotFound(
        f"there is no store that has the login for {login.url}", hint="set VAULT_ADDR and VAULT_TOKEN"
    )


class HelmCatalog:
    """Charts by URL. Whatever was fetched once is kept, by its digest, in the cache's folder; logins are not."""

    def __init__(
        self, cache: Path, *, base: Path | None = None, open_login: Open = no_logins, timeout: float = 30
    ) -> None:
        """`base` is where relative folders start; `timeout` is in seconds."""
        self._cache = ChartCache(cache)
        self._open_login = open_login
        self._timeout = timeout
        self._downloader = Downloader(timeout=timeout)
        self._folders = FolderCharts(base)

    def versions(self, ref: ChartRef) -> tuple[ChartVersion, ...]:
        if _is_oci(ref):
            texts = OciRegistry(self._as_whom(ref)).versions(ref)
            return tuple(ChartVersion(ref.name, text, ref.repository) for text in texts)
        if _is_http(ref):
            return load_index(ref.repository, self._as_whom(ref), self._cache).versions(ref)
        return self._folders.versions(ref)

    def resolve(self, ref: ChartRef) -> ChartVersion:
        try:
            return pick_version(ref, self.versions(ref))
        except Unavailable:
            known = self._cache.find_pin(ref)
            if known is None:
                raise
            return known

    def fetch(self, ref: ChartRef) -> Chart:
        if not _is_oci(ref) and not _is_http(ref):
            return self._folders.fetch(ref)
        return self._find_kept(ref) or self._fetch(ref)

    def _as_whom(self, ref: ChartRef) -> Downloader:
        """What downloads from a repository: with its login, which goes to that very server and to no other."""
        if ref.login is None:
            return self._downloader
        found = self._open_login(ref.login)
        origin = origin_of(registry_url(found.url))
        told = {origin, _TOKENS_AT.get(origin, origin)}
        basic = base64.b64encode(f"{found.username}:{found.password}".encode()).decode()
        return Downloader(
            authorize=lambda asked: f"Basic {basic}" if asked in told else None, timeout=self._timeout
        )

    def _find_kept(self, ref: ChartRef) -> Chart | None:
        """An exact version that was fetched before, as it then was."""
        pin = self._cache.find_pin(ref) if _is_exact(ref.version) else None
        data = self._cache.find_archive(pin.digest) if pin else None
        if pin is None or data is None:
            return None
        return open_archive(replace(ref, version=pin.version), data, _name(ref, pin.version))

    def _fetch(self, ref: ChartRef) -> Chart:
        if _is_oci(ref):
            wanted = self._resolve_oci(ref)
            data = self._pull(ref, wanted)
        else:
            index = load_index(ref.repository, self._as_whom(ref), self._cache)
            wanted = pick_version(ref, index.versions(ref))
            data = self._download(ref, wanted, index.location(ref, wanted))
        chart = open_archive(replace(ref, version=wanted.version), data, _name(ref, wanted.version))
        if wanted.digest and chart.digest != wanted.digest:
            raise Invalid(
                f"{ref.name} {wanted.version} is not what the index of {ref.repository} says",
                Problem(_name(ref, wanted.version), f"its digest is {chart.digest}, not {wanted.digest}"),
                hint="somebody changed the archive or the index is out of date; ask whoever publishes it",
            )
        self._keep(ref, replace(wanted, digest=chart.digest), data)
        return chart

    def _resolve_oci(self, ref: ChartRef) -> ChartVersion:
        """An exact version needs no list of tags, and some registries give none."""
        if _is_exact(ref.version):
            return ChartVersion(ref.name, ref.version, ref.repository)
        return pick_version(ref, self.versions(ref))

    def _pull(self, ref: ChartRef, wanted: ChartVersion) -> bytes:
        try:
            return OciRegistry(self._as_whom(ref)).fetch(ref, wanted.version)
        except NotFound:
            pick_version(
                ref, self.versions(ref)
            )  # says which versions there are, where the chart itself is there
            raise

    def _download(self, ref: ChartRef, wanted: ChartVersion, url: str) -> bytes:
        kept = self._cache.find_archive(wanted.digest) if wanted.digest else None
        if kept is not None:
            return kept
        if url.startswith("oci://"):  # an index may point into a registry
            repository, _, name = url.rpartition("/")
            return OciRegistry(self._downloader).fetch(
                ChartRef(name.partition(":")[0], repository), name.partition(":")[2] or wanted.version
            )
        try:
            return self._as_whom(ref).get(url, limit=DEFAULT_LIMITS.archive).body
        except NotFound as error:
            raise NotFound(
                f"the index of {ref.repository} names {ref.name} {wanted.version}, but there is nothing at {url}",
                hint="the chart repository is broken there; try another version",
            ) from error

    def _keep(self, ref: ChartRef, version: ChartVersion, data: bytes) -> None:
        digest = self._cache.put_archive(data)
        for written in {version.version, ref.version if _is_exact(ref.version) else version.version}:
            self._cache.put_pin(replace(ref, version=written), replace(version, digest=digest))


def _is_oci(ref: ChartRef) -> bool:
    return ref.repository.startswith("oci://")


def _is_http(ref: ChartRef) -> bool:
    """Anything that looks like a URL, so that one of another kind gets an answer that says so."""
    return "://" in ref.repository and not ref.repository.startswith("file://")


def _is_exact(version: str) -> bool:
    """A version with all three parts: fewer are a range to Helm."""
    try:
        Version(version)
    except Invalid:
        return False
    return version.split("-")[0].split("+")[0].count(".") == 2


def _name(ref: ChartRef, version: str) -> str:
    return f"{ref.repository.rstrip('/')}/{ref.name}-{version}.tgz"
