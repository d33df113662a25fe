"""ports.deliveries.Deliveries: key and address are in the Secret that `jx install` made for the webhook receiver."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import secrets
from urllib.parse import urlsplit

from jx.adapters.kubernetes.api import SECRETS, Api
from jx.domain.errors import Failed, NotFound, Unavailable

SECRET = "jx-webhook"
_SECONDS = 10.0


class KubernetesDeliveries:
    """Deliveries to the platform in one namespace."""

    def __init__(self, api: Api, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def deliver(self, event: str, body: bytes) -> None:
        values = self._read()
        url = values.get("url", "")
        if not url:
            raise NotFound(
                f"Secret/{SECRET} (namespace {self._namespace}) names no address where webhooks come in",
                hint="put it there as `url`, or install again",
            )
        signature = hmac.new(values.get("hmac", "").encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": secrets.token_hex(16),
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        status, text = _post(url, body, headers)
        if status >= 300:
            raise Failed(f"{url} answers {status}: {text[:200].strip() or 'nothing'}")

    def _read(self) -> dict[str, str]:
        found = self._api.get(SECRETS, self._namespace, SECRET)
        return {key: base64.b64decode(text).decode() for key, text in (found.get("data") or {}).items()}


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("POST", parts.path or "/", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"nothing answers at {url}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
