"""Meanings: what people call a field of an object (`ingress host`), so that a change reads as what it is about."""

from __future__ import annotations

import re

_NAMED = '\\[[^\\]]*?"?([^"=\\]]*)"?\\]'
_POD = r"(?:\.spec\.(?:jobTemplate\.spec\.)?template\.spec|\.spec)"
_CONTAINER = rf"{_POD}\.(?:initC|c)ontainers{_NAMED}"

_PATTERNS = tuple(
    (kind, re.compile(pattern), words)
    for kind, pattern, words in (
        ("Ingress", r"\.spec\.rules\[.*\]\.host", "ingress host"),
        ("Ingress", r"\.spec\.rules\[.*\]\.http\.paths\[.*\]\.path", "ingress path"),
        ("Ingress", r"\.spec\.tls\b.*", "ingress certificate"),
        ("Service", r"\.spec\.ports\[.*\]\.port", "service port"),
        ("Service", r"\.spec\.type", "service type"),
        ("HorizontalPodAutoscaler", r"\.spec\.minReplicas", "fewest replicas"),
        ("HorizontalPodAutoscaler", r"\.spec\.maxReplicas", "most replicas"),
        ("CronJob", r"\.spec\.schedule", "schedule"),
        ("CronJob", r"\.spec\.suspend", "suspended"),
        ("ConfigMap", r"\.data\.(.+)", r"setting \1"),
        ("Secret", r"\.(?:stringData|data)\.(.+)", r"secret \1"),
        ("", r"\.spec\.replicas", "replicas"),
        ("", rf"{_CONTAINER}\.image", "image"),
        ("", rf"{_CONTAINER}\.env{_NAMED}\.value", r"env \2"),
        ("", rf"{_CONTAINER}\.(?:args|command)\[.*\]", "arguments"),
        ("", rf"{_CONTAINER}\.resources\.limits\.(\w+)", r"\2 limit"),
        ("", rf"{_CONTAINER}\.resources\.requests\.(\w+)", r"\2 request"),
        ("", r"\.spec\.resources\.requests\.storage", "size of the volume"),
        ("", r"\.metadata\.labels\.(.+)", r"label \1"),
        ("", r"\.metadata\.annotations\.(.+)", r"annotation \1"),
    )
)


def name_field(kind: str, path: str) -> str:
    """What a field of an object of that kind is called; its path where it has no other name."""
    for wanted, pattern, words in _PATTERNS:
        match = pattern.fullmatch(path) if wanted in {"", kind} else None
        if match:
            return match.expand(words)
    return path.removeprefix(".")
