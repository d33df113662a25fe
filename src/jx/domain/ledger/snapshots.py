"""Snapshots: a verified state with its values, for when nothing else is there to go back to. As plain JSON data and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.applying.applying import Source
from jx.domain.errors import Invalid
from jx.domain.ledger import recalls
from jx.domain.ledger.anchor_records import parse_source, source_to_data
from jx.domain.ledger.recalls import Recall
from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import ChartPin, Manifest, ref_of
from jx.domain.trees import Blob, Tree


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of one environment. Its objects hold values of secrets: no text shows them."""

    environment: EnvironmentName
    plan_digest: str
    """Of the apply that made this state, which its ledger entry names."""
    source: Source
    tree: Tree = field(repr=False)
    """The environment's files."""
    charts: tuple[ChartPin, ...]
    objects: tuple[Manifest, ...] = field(repr=False)

    @property
    def digest(self) -> str:
        """`sha256:...` of the files that these objects are in the ledger: the same as that of the ledger's entry."""
        return digest_of(recalls.by_path(self.objects))

    @property
    def recall(self) -> Recall:
        """What is wanted when this state is to come back."""
        return Recall(
            objects=self.objects,
            name="the snapshot",
            charts=self.charts,
            kept={one.ref: one for one in self.objects},
        )


def digest_of(files: Mapping[str, str]) -> str:
    """Of a ledger's files; those that are about the ledger itself play no part."""
    return Tree({path: Blob(text.encode()) for path, text in files.items() if "/" in path}).digest


def snapshot_to_data(snapshot: Snapshot) -> dict[str, Any]:
    """As JSON values."""
    return {
        "environment": snapshot.environment,
        "planDigest": snapshot.plan_digest,
        "digest": snapshot.digest,
        "source": source_to_data(snapshot.source),
        "charts": [[pin.key, pin.name, pin.version, pin.repository, pin.digest] for pin in snapshot.charts],
        "files": {
            path: [base64.b64encode(blob.data).decode(), blob.executable]
            for path, blob in snapshot.tree.files.items()
        },
        "objects": [_object_to_data(one) for one in snapshot.objects],
    }


def parse_snapshot(data: Mapping[str, Any]) -> Snapshot:
    """A snapshot from its data; Invalid where it is damaged."""
    try:
        snapshot = Snapshot(
            environment=EnvironmentName(data["environment"]),
            plan_digest=data["planDigest"],
            source=parse_source(data["source"]),
            tree=Tree(
                {
                    path: Blob(base64.b64decode(text), executable=bool(mode))
                    for path, (text, mode) in data["files"].items()
                }
            ),
            charts=tuple(ChartPin(*row) for row in data["charts"]),
            objects=tuple(_parse_object(one) for one in data["objects"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged() from error
    if snapshot.digest != data.get("digest"):
        raise _damaged()
    return snapshot


def _damaged() -> Invalid:
    return Invalid(
        "the snapshot of the last verified state is damaged",
        hint="go back by the ledger: jx step env apply --from-ledger",
    )


def _object_to_data(manifest: Manifest) -> dict[str, Any]:
    return {
        "body": manifest.body,
        "shown": manifest.shown,
        "derived": sorted((list(at) for at in manifest.derived), key=str),
        "marked": manifest.marked,
        "source": manifest.source,
    }


def _parse_object(data: Mapping[str, Any]) -> Manifest:
    body = data["body"]
    return Manifest(
        ref=ref_of(body),
        api_version=body["apiVersion"],
        body=body,
        source=data["source"],
        shown=data["shown"],
        derived=frozenset(tuple(at) for at in data["derived"]),
        marked=data["marked"],
    )
