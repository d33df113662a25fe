"""Names that Tekton and Kubernetes take, made of names that people give."""

from __future__ import annotations

import hashlib
import re

LABEL_LENGTH = 63
CLONE_STEP = "git-clone"
"""The step that every run begins with."""


def to_label(name: str) -> str:
    """A DNS label of a name: lower case, everything else than letters and digits as one `-`; empty where nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LABEL_LENGTH].rstrip("-")


def to_label_value(text: str) -> str:
    """The value of a Kubernetes label of a text."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:LABEL_LENGTH].rstrip("-._")


def join_label(body: str, end: str, *, limit: int = LABEL_LENGTH) -> str:
    """A DNS label of a body that may be long and an end that stays whole. What is cut off is told by a digest, since two long
    names may differ in their ends only."""
    body, end = to_label(body) if len(body) <= LABEL_LENGTH else _plain(body), to_label(end)
    room = limit - len(end) - 1
    if len(body) > room:
        digest = hashlib.sha256(body.encode()).hexdigest()[:5]
        body = f"{body[: room - 6].rstrip('-')}-{digest}"
    return f"{body}-{end}".strip("-")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
