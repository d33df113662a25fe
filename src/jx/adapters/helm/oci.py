"""Charts in OCI registries: tags are versions, one layer of the manifest is the archive."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from jx.adapters.helm.archives import DEFAULT_LIMITS, MEGABYTE, digest_of
from jx.adapters.helm.download import Downloader, Response, check_url, is_loopback, origin_of
from jx.domain.charts.charts import ChartRef
from jx.domain.charts.version_ranges import newest_first
from jx.domain.errors import Forbidden, Invalid, NotFound, Problem, Unavailable

CHART_LAYERS = frozenset(
    {
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "application/tar+gzip",  # of charts that were pushed while Helm's OCI support was an experiment
    }
)
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_SMALL = 4 * MEGABYTE
_PAGES = 200
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")


@dataclass(frozen=True, slots=True)
class _Place:
    origin: str
    name: str


class OciRegistry:
    """Reads charts from registries that speak the OCI distribution protocol. Without a login it asks as anybody may.

    Loopback registries are spoken to by http, all others by https.
    """

    def __init__(self, downloader: Downloader) -> None:
        self._downloader = downloader

    def versions(self, ref: ChartRef) -> tuple[str, ...]:
        """The versions of a chart, newest first."""
        place = _place(ref)
        url = f"{place.origin}/v2/{place.name}/tags/list?n=1000"
        token = ""
        tags: list[str] = []
        for _ in range(_PAGES):
            response, token = self._get(url, place, token=token, limit=_SMALL)
            listed = _parse(response).get("tags")
            tags += [str(tag) for tag in listed] if isinstance(listed, list) else []
            link = re.search(r'<([^>]*)>\s*;\s*rel="?next"?', response.headers.get("link", ""))
            if link is None:
                break
            url = urljoin(url, link[1])
            if origin_of(url) != place.origin:
                raise Invalid(f"{place.origin} sends us to {origin_of(url)} for more tags of {place.name}")
        # A tag holds no plus sign, so an underscore stands for it.
        return newest_first(tag.replace("_", "+") for tag in tags if re.match(r"v?\d", tag))

    def fetch(self, ref: ChartRef, version: str) -> bytes:
        """The archive of an exact version, checked against the manifest's digest."""
        place = _place(ref)
        tag = version.replace("+", "_")
        url = f"{place.origin}/v2/{place.name}/manifests/{quote(tag)}"
        response, token = self._get(url, place, accept=_MANIFEST, limit=_SMALL)
        layers = _parse(response).get("layers")
        layers = [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []
        digests = [str(layer.get("digest")) for layer in layers if layer.get("mediaType") in CHART_LAYERS]
        if not digests or not re.fullmatch(r"sha256:[0-9a-f]{64}", digests[0]):
            raise Invalid(
                f"{ref.repository}/{ref.name}:{tag} is not a Helm chart",
                Problem(url, "the manifest has no layer with a chart"),
                hint="is it an image of another kind under the same name?",
            )
        blob = f"{place.origin}/v2/{place.name}/blobs/{digests[0]}"
        answer, _ = self._get(blob, place, token=token, limit=DEFAULT_LIMITS.archive)
        if digest_of(answer.body) != digests[0]:
            raise Invalid(
                f"{ref.name} {version} is not what its manifest says", Problem(blob, "the digest differs")
            )
        return answer.body

    def _get(
        self, url: str, place: _Place, *, limit: int, token: str = "", accept: str = "application/json"
    ) -> tuple[Response, str]:
        """An answer, and the token that opened the door (empty where none was needed)."""
        headers = {"Accept": accept}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            response = self._downloader.get(url, limit=limit, headers=headers, accept=(401,))
        except NotFound as error:
            raise NotFound(
                f"there is no chart {place.name} in {place.origin} (or not that version)",
                hint="check the name, or log in: registries also say so where one may not look",
            ) from error
        if response.status != 401:
            return response, token
        if token:
            raise _denied(place)
        token = self._token(response.headers.get("www-authenticate", ""), place)
        return self._get(url, place, limit=limit, token=token, accept=accept)

    def _token(self, challenge: str, place: _Place) -> str:
        """A token from where the registry says that tokens are given. The login goes along if that is the same server."""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = fields.get("realm", "")
        if not challenge.lower().startswith("bearer ") or not realm:
            raise _denied(place)
        check_url(realm)
        if place.origin.startswith("https:") and not realm.startswith("https:"):
            raise Invalid(
                f"{place.origin} wants us to fetch a token without encryption from {origin_of(realm)}"
            )
        asked = {"service": fields.get("service", ""), "scope": fields.get("scope", "") or _scope(place)}
        separator = "&" if urlsplit(realm).query else "?"
        response = self._downloader.get(f"{realm}{separator}{urlencode(asked)}", limit=_SMALL)
        data = _parse(response)
        token = data.get("token") or data.get("access_token")
        if not isinstance(token, str) or not token.isprintable():
            raise Unavailable(f"{origin_of(realm)} gave no token for {place.name}", hint="try again later")
        return token


def registry_url(url: str) -> str:
    """Where the API of the registry is that an `oci://` URL means; other URLs as they are."""
    parts = urlsplit(url)
    if parts.scheme != "oci":
        return url
    scheme = "http" if is_loopback(parts.hostname or "") else "https"
    # Docker Hub's registry lives elsewhere than its pages.
    return f"{scheme}://{parts.netloc}".replace("//docker.io", "//registry-1.docker.io")


def _place(ref: ChartRef) -> _Place:
    url = f"{ref.repository.rstrip('/')}/{ref.name}"
    parts = urlsplit(url)
    whole = registry_url(url)
    check_url(whole)
    name = parts.path.strip("/")
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{url!r} does not name a chart of an OCI registry",
            hint="oci://host/path and a chart's name, all in lower case",
        )
    return _Place(whole, name)


def _scope(place: _Place) -> str:
    return f"repository:{place.name}:pull"


def _parse(response: Response) -> dict[str, Any]:
    try:
        data = json.loads(response.body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise Unavailable(
            f"{origin_of(response.url)} does not answer as an OCI registry does",
            hint="is the address right? https:// is for repositories with an index.yaml",
        )
    return data


def _denied(place: _Place) -> Forbidden:
    return Forbidden(
        f"{place.origin} does not let us read {place.name}",
        hint="is it private, or misspelt? name a login: jx add login URL --username NAME --password-stdin",
    )
