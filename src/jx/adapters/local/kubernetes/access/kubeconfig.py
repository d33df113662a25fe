"""The kubeconfig of the cluster's administrator."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from jx.adapters.local.kubernetes.access.pki import Pki, write_private


def write(path: Path, pki: Pki, *, server: str, name: str, namespace: str) -> None:
    """Write it (mode 0600) with one context, cluster and user of that name; unchanged content is left alone."""
    text = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "preferences": {},
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": server, "certificate-authority-data": _packed(pki.authority_pem)},
                }
            ],
            "users": [
                {
                    "name": name,
                    "user": {
                        "client-certificate-data": _packed(pki.admin.certificate),
                        "client-key-data": _packed(pki.admin.key),
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
            "current-context": name,
        },
        sort_keys=False,
    )
    if not path.exists() or path.read_text() != text:
        write_private(path, text)


def _packed(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
