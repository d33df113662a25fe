"""`index.yaml` of a chart repository: which charts it has, in which versions, and where their archives are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import yaml

from jx.adapters.helm.archives import MEGABYTE, digest_of
from jx.adapters.helm.cache import ChartCache
from jx.adapters.helm.download import Downloader
from jx.adapters.helm.index_sections import Sections, find_sections
from jx.domain.charts.catalogs import chart_not_found, order_versions
from jx.domain.charts.charts import CHANGES, LONGEST_CHANGES, ChartRef, ChartVersion
from jx.domain.errors import Invalid, NotFound, Problem

INDEX_LIMIT = 64 * MEGABYTE
_FORMAT = 3
_DEPTH = 40
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


Rows = list[list[str]]
"""A row for each version, as it can be kept as JSON."""


@dataclass(frozen=True, slots=True)
class Index:
    """The entries of a repository by chart, as `parse_index` gives them: there may be many, of which few are asked for."""

    repository: str
    rows: Mapping[str, Rows]

    def versions(self, ref: ChartRef) -> tuple[ChartVersion, ...]:
        """Newest first; NotFound with the nearest names."""
        return order_versions(version for version, _ in self._entries(ref))

    def location(self, ref: ChartRef, version: ChartVersion) -> str:
        """The full URL of an archive."""
        url = next(url for one, url in self._entries(ref) if one.version == version.version)
        return resolve_url(self.repository, url)

    def _entries(self, ref: ChartRef) -> tuple[tuple[ChartVersion, str], ...]:
        """Each version, and where its archive is as the index writes it."""
        found = self.rows.get(ref.name)
        if not found:
            raise chart_not_found(ref, self.rows)
        return tuple(_entry(ref.name, self.repository, row) for row in found)


def resolve_url(repository: str, url: str) -> str:
    """A URL as an index writes it, which may be relative to the repository; the repository's query goes with it."""
    if urlsplit(url).scheme:
        return url
    base = urlsplit(repository)
    joined = urlsplit(urljoin(urlunsplit(base._replace(path=base.path.rstrip("/") + "/", query="")), url))
    return urlunsplit(joined._replace(query=joined.query or base.query))


def index_url(repository: str) -> str:
    """Where the index of a repository is."""
    return resolve_url(repository, "index.yaml")


def load_index(repository: str, downloader: Downloader, cache: ChartCache) -> Index:
    """The index as it is now. What the server says has not changed since the last time is neither sent nor parsed again."""
    url = index_url(repository)
    known = cache.find_json("indexes", url)
    known = known if isinstance(known, dict) and known.get("format") == _FORMAT else {}
    asked = {"If-None-Match": known.get("etag"), "If-Modified-Since": known.get("last_modified")}
    headers = {name: value for name, value in asked.items() if value}
    try:
        response = downloader.get(url, limit=INDEX_LIMIT, headers=headers, accept=(304,))
    except NotFound as error:
        raise NotFound(
            f"{repository} is not a chart repository: it has no index.yaml",
            hint="give the folder that holds index.yaml, or oci:// for an OCI registry",
        ) from error
    old = str(known.get("content", ""))
    if response.status == 304:
        rows = _find_kept(cache, old, url, downloader)
        if rows is not None:
            return Index(repository, rows)
        response = downloader.get(url, limit=INDEX_LIMIT)
    content = digest_of(response.body)
    rows = _find_kept(cache, content, url, downloader)
    if rows is None:
        rows = _keep(cache, content, response.body, url)
    cache.put_json(
        "indexes",
        url,
        {
            "format": _FORMAT,
            "etag": response.headers.get("etag"),
            "last_modified": response.headers.get("last-modified"),
            "content": content,
        },
    )
    if old and old != content:
        cache.drop_archive(old)
    return Index(repository, rows)


class _Parts(Mapping[str, Rows]):
    """The rows of each chart, parsed when they are asked for."""

    def __init__(
        self, sections: Sections, content: str, read: Callable[[], bytes], cache: ChartCache
    ) -> None:
        self._sections = sections
        self._content = content
        self._read = read
        self._cache = cache

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)

    def __getitem__(self, name: str) -> Rows:
        start, end = self._sections[name]
        key = f"{_FORMAT}:{self._content}:{name}"
        rows: Rows | None = self._cache.find_json("parsed", key)
        if rows is None:
            rows = self._parse(name, start, end)
            self._cache.put_json("parsed", key, rows)
        return rows

    def _parse(self, name: str, start: int, end: int) -> Rows:
        data = self._read()
        if digest_of(data) == self._content:
            try:
                found = _texts(yaml.parse(data[start:end], Loader=yaml.CBaseLoader), name)
            except (yaml.YAMLError, ValueError, Invalid):
                found = None
            if isinstance(found, dict) and list(found) == [name] and isinstance(found[name], list):
                return _rows(found[name])
        return parse_index(data, "index.yaml").get(name, [])


def _find_kept(
    cache: ChartCache, content: str, url: str, downloader: Downloader
) -> Mapping[str, Rows] | None:
    """What is known of an index that was read before; None where nothing is."""
    known = cache.find_json("parsed", f"{_FORMAT}:{content}")
    if not isinstance(known, dict):
        return None
    if "rows" in known:
        rows: dict[str, Rows] = known["rows"]
        return rows
    sections = {name: (place[0], place[1]) for name, place in known.get("sections", {}).items()}

    def read() -> bytes:
        return cache.find_archive(content) or downloader.get(url, limit=INDEX_LIMIT).body

    return _Parts(sections, content, read, cache)


def _keep(cache: ChartCache, content: str, data: bytes, url: str) -> Mapping[str, Rows]:
    sections = find_sections(data)
    if sections is None:
        rows = parse_index(data, url)
        cache.put_json("parsed", f"{_FORMAT}:{content}", {"rows": rows})
        return rows
    cache.put_archive(data)
    cache.put_json("parsed", f"{_FORMAT}:{content}", {"sections": sections})
    return _Parts(sections, content, lambda: data, cache)


def parse_index(data: bytes, where: str) -> dict[str, Rows]:
    """Of each chart and version what we use: version, digest, description, appVersion, home, changes, URL, sources. All are
    texts."""
    try:
        whole = (
            json.loads(data) if data[:1] == b"{" else _texts(yaml.parse(data, Loader=yaml.CBaseLoader), where)
        )
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        reason = getattr(error, "problem", None) or "it is no YAML"
        raise Invalid(
            "the index of a chart repository cannot be read", Problem(where, str(reason), line)
        ) from error
    entries = whole.get("entries") if isinstance(whole, dict) else None
    if not isinstance(entries, dict):
        raise Invalid("this is not the index of a chart repository", Problem(where, "it has no `entries`"))
    return {
        str(name): rows
        for name, listed in entries.items()
        if isinstance(listed, list) and (rows := _rows(listed))
    }


def _texts(events: Iterable[Any], where: str) -> Any:
    """YAML as dicts, lists and texts: no dates, no numbers, version 1.10 stays so. Flat, since indexes of 20 MB are real and a
    parser that recurses would die of one that is nested deeply."""
    root: list[Any] = []
    stack = [root]
    for event in events:
        match event:
            case yaml.ScalarEvent(value=value):
                stack[-1].append(value)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                stack.append([])
            case yaml.MappingEndEvent():
                pairs = stack.pop()
                stack[-1].append(
                    {k: v for k, v in zip(pairs[::2], pairs[1::2], strict=True) if isinstance(k, str)}
                )
            case yaml.SequenceEndEvent():
                items = stack.pop()
                stack[-1].append(items)
            case yaml.AliasEvent():
                stack[-1].append("")
        if len(stack) > _DEPTH:
            raise Invalid(
                "the index of a chart repository cannot be read", Problem(where, "it is nested too deeply")
            )
    return root[0] if root else None


def _rows(listed: list[Any]) -> Rows:
    return [row for entry in listed if (row := _row(entry))]


def _row(entry: Any) -> list[str] | None:
    if not isinstance(entry, dict):
        return None
    urls = entry.get("urls")
    url = urls[0] if isinstance(urls, list) and urls else ""
    row = [_text(entry.get(key)) for key in ("version", "digest", "description", "appVersion", "home")]
    annotations, sources = entry.get("annotations"), entry.get("sources")
    changes = _text(annotations.get(CHANGES)) if isinstance(annotations, dict) else ""
    listed = [_text(one) for one in sources] if isinstance(sources, list) else []
    return [*row, changes[:LONGEST_CHANGES], _text(url), *filter(None, listed)] if row[0] and url else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value not in _NOTHING else ""


def _entry(name: str, repository: str, row: list[str]) -> tuple[ChartVersion, str]:
    version, digest, description, app_version, home, changes, url, *sources = row
    if digest and not digest.startswith("sha256:"):
        digest = f"sha256:{digest}"
    said = (description, app_version, home, changes, tuple(sources))
    return ChartVersion(name, version, repository, digest, *said), url
