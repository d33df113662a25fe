"""Discovery: which kinds a cluster serves, from the aggregated documents where there are any, else group by group."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jx.adapters.kubernetes.api import Api, Json, Resource, parse_object
from jx.adapters.kubernetes.errors import Attempt
from jx.domain.errors import NotFound, Unavailable
from jx.domain.objects.manifests import KindInfo, api_group

_AGGREGATED = ",".join(
    [f"application/json;g=apidiscovery.k8s.io;v={v};as=APIGroupDiscoveryList" for v in ("v2", "v2beta1")]
    + ["application/json"]
)
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Served:
    """One resource of one version, as discovery lists it. `kind` of a subresource is the kind that it speaks."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_subresource(self) -> bool:
        return "/" in self.plural


@dataclass(frozen=True, slots=True)
class Kinds:
    """All that a cluster serves at one moment."""

    kinds: dict[tuple[str, str], KindInfo]
    """By (group, kind)."""
    api_versions: tuple[str, ...]
    """In Helm's form: `apps/v1`, `apps/v1/Deployment` ..., sorted."""

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether a kind is served in that very version."""
        info = self.kinds.get((api_group(api_version), kind))
        return info is not None and api_version.rpartition("/")[2] in info.versions

    def find(self, api_version: str, kind: str) -> Resource | None:
        """Where objects of that kind are: in that version, or in the preferred one where that version is no longer served."""
        info = self.kinds.get((api_group(api_version), kind))
        if info is None:
            return None
        version = api_version.rpartition("/")[2]
        if version not in info.versions:
            version = info.versions[0]
        served = f"{info.group}/{version}" if info.group else version
        return Resource(served, info.plural, kind, info.namespaced)


class Discovery:
    """The kinds of one cluster, kept until somebody asks for what was not there. Thread-safe."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._kept: Kinds | None = None

    def read(self) -> Kinds:
        """What is served now, read anew."""
        served = [*self._root("/api"), *self._root("/apis")]
        kinds = Kinds(_kinds(served), _helm_versions(served))
        with self._lock:
            self._kept = kinds
        return kinds

    def find(self, api_version: str, kind: str) -> Resource | None:
        """Where objects of a kind are; None where the cluster does not serve it, also not since a moment ago."""
        return self.find_all([(api_version, kind)]).get((api_version, kind))

    def find_all(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Resource]:
        """The same for several (apiVersion, kind), asking the cluster at most once; what is not served is left out."""
        pairs = set(wanted)
        with self._lock:
            kinds = self._kept
        if kinds is None or any(not kinds.serves(*pair) for pair in pairs):
            kinds = self.read()
        found = {pair: kinds.find(*pair) for pair in pairs}
        return {pair: resource for pair, resource in found.items() if resource is not None}

    def _root(self, path: str) -> list[Served]:
        content = self._get(path, accept=_AGGREGATED)
        if content.get("kind") == "APIGroupDiscoveryList":
            return list(_aggregated(content))
        return self._plain(content)

    def _plain(self, content: Json) -> list[Served]:
        if content.get("kind") == "APIVersions":
            paths = [f"/api/{version}" for version in content.get("versions") or ()]
        else:
            paths = [
                f"/apis/{version}" for group in content.get("groups") or () for version in _versions_of(group)
            ]
        with ThreadPoolExecutor(_THREADS) as pool:
            lists = list(pool.map(self._group, paths))
        return [served for found in lists for served in found]

    def _group(self, path: str) -> list[Served]:
        try:
            content = self._get(path)
        except (Unavailable, NotFound):
            return []  # an aggregated API whose server is down must not stop all others
        group, _, version = str(content.get("groupVersion", "")).rpartition("/")
        return [
            Served(
                group,
                version,
                str(item.get("kind", "")),
                str(item.get("name", "")),
                bool(item.get("namespaced")),
                tuple(item.get("verbs") or ()),
            )
            for item in content.get("resources") or ()
        ]

    def _get(self, path: str, *, accept: str = "application/json") -> Json:
        response = self._api.get_path(path, accept=accept)
        return parse_object(response.body, Attempt("get", path, self._api.access.host))


def _aggregated(content: Json) -> Iterator[Served]:
    for item in content.get("items") or ():
        group = str(item.get("metadata", {}).get("name") or "")
        for version in item.get("versions") or ():
            for resource in version.get("resources") or ():
                yield from _aggregated_resource(group, str(version.get("version", "")), resource)


def _aggregated_resource(group: str, version: str, resource: Json) -> Iterator[Served]:
    plural = str(resource.get("resource", ""))
    namespaced = resource.get("scope") == "Namespaced"

    def served(item: Json, name: str) -> Served:
        kind = str((item.get("responseKind") or {}).get("kind") or "")
        return Served(group, version, kind, name, namespaced, tuple(item.get("verbs") or ()))

    yield served(resource, plural)
    for item in resource.get("subresources") or ():
        yield served(item, f"{plural}/{item.get('subresource', '')}")


def _versions_of(group: Json) -> list[str]:
    preferred = str((group.get("preferredVersion") or {}).get("groupVersion") or "")
    versions = [str(item.get("groupVersion", "")) for item in group.get("versions") or ()]
    return sorted(versions, key=lambda version: version != preferred)


def _kinds(served: list[Served]) -> dict[tuple[str, str], KindInfo]:
    found: dict[tuple[str, str], KindInfo] = {}
    for item in served:
        key = (item.group, item.kind)
        if item.is_subresource or not item.kind:
            continue
        known = found.get(key)
        versions = (*known.versions, item.version) if known else (item.version,)
        first = known or KindInfo(item.group, item.kind, item.plural, item.namespaced, (), item.verbs)
        found[key] = KindInfo(
            item.group, item.kind, first.plural, first.namespaced, tuple(dict.fromkeys(versions)), first.verbs
        )
    return found


def _helm_versions(served: list[Served]) -> tuple[str, ...]:
    # Helm counts the kinds of subresources in, too (`apps/v1/Scale`).
    versions = {item.api_version for item in served}
    kinds = {f"{item.api_version}/{item.kind}" for item in served if item.kind}
    return tuple(sorted(versions | kinds))
