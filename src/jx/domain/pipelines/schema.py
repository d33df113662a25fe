"""The JSON Schemas of pipeline files, made from their types."""

from __future__ import annotations

from typing import Any

from jx.domain.pipelines.shapes import describe
from jx.domain.pipelines.syntax import PipelineConfig, ProjectFile


def project_schema() -> dict[str, Any]:
    """Of jenkins-x.yml."""
    return describe(ProjectFile, "jenkins-x.yml")


def pack_schema() -> dict[str, Any]:
    """Of a build pack's pipeline.yaml."""
    return describe(PipelineConfig, "pipeline.yaml of a build pack")
