"""Where charts come from: repositories with an index, OCI registries, folders; and a cache before the first two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jx.adapters.helm.archives import DEFAULT_LIMITS
from jx.adapters.helm.cache import ChartCache
from jx.adapters.helm.download import Authorize, Downloader, no_authorization
from jx.adapters.helm.folders import FolderCharts, open_archive
from jx.adapters.helm.index import load_index
from jx.adapters.helm.oci import OciRegistry
from jx.domain.catalogs import pick_version
from jx.domain.charts import Chart, ChartRef, ChartVersion
from jx.domain.errors import Invalid, NotFound, Problem, Unavailable
from jx.domain.versions import Version


class HelmCatalog:
    """Charts by URL. Whatever was fetched once is kept, by its digest, in the cache's folder."""

    def __init__(
        self,
        cache: Path,
        *,
        base: Path | None = None,
        authorize: Authorize = no_authorization,
        timeout: float = 30,
    ) -> None:
        """`base` is where relative folders start; `authorize` knows credentials by origin; `timeout` is in seconds."""
        self._cache = ChartCache(cache)
        self._downloader = Downloader(authorize=authorize, timeout=timeout)
        self._registry = OciRegistry(self._downloader)
        self._folders = FolderCharts(base)

    def versions(self, ref: ChartRef) -> tuple[ChartVersion, ...]:
        if _is_oci(ref):
            return tuple(
                ChartVersion(ref.name, text, ref.repository) for text in self._registry.versions(ref)
            )
        if _is_http(ref):
            return load_index(ref.repository, self._downloader, self._cache).versions(ref)
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
            index = load_index(ref.repository, self._downloader, self._cache)
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
            return self._registry.fetch(ref, wanted.version)
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
            return self._registry.fetch(
                ChartRef(name.partition(":")[0], repository), name.partition(":")[2] or wanted.version
            )
        try:
            return self._downloader.get(url, limit=DEFAULT_LIMITS.archive).body
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
