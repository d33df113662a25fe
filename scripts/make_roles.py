"""Writes down the roles and bindings that a cluster starts with, as the embedded API server makes them.

Usage: python scripts/test_cluster.py python scripts/make_roles.py
"""

import gzip
import json
import os
from pathlib import Path
from typing import Any

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.transport import Request, Transport

TARGET = Path(__file__).parents[1] / "src/jx/adapters/local/kubernetes/access/roles.json.gz"
GROUP = "rbac.authorization.k8s.io/v1"
MARK = "kubernetes.io/bootstrapping=rbac-defaults"
KINDS = {
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
    "roles": "Role",
    "rolebindings": "RoleBinding",
}
KEPT = ("name", "namespace", "labels", "annotations")


def main() -> None:
    """Write the data."""
    transport = Transport(kubeconfig.load([Path(os.environ["JX_PARITY_KUBECONFIG"])]), SystemClock())
    found = [one for plural, kind in KINDS.items() for one in read(transport, plural, kind)]
    transport.close()
    text = json.dumps(found, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(text, 9, mtime=0))


def read(transport: Transport, plural: str, kind: str) -> list[dict[str, Any]]:
    """The objects of one kind, without what the server gave them."""
    answer = transport.request(
        Request("GET", f"/apis/{GROUP}/{plural}", (("labelSelector", MARK),), None, {})
    )
    return [
        {
            "apiVersion": GROUP,
            "kind": kind,
            **item,
            # What is put together from other roles is not written twice.
            **({"rules": []} if item.get("aggregationRule") else {}),
            "metadata": {key: item["metadata"][key] for key in KEPT if key in item["metadata"]},
        }
        for item in json.loads(answer.body)["items"]
    ]


if __name__ == "__main__":
    main()
