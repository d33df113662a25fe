"""Options of commands that make a run of a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from jx.cli.pipeline_options import parse_pairs, pipeline_options, take_request

_KINDS = ("release", "pullRequest", "feature")

_OPTIONS = (
    click.option(
        "-k", "--kind", type=click.Choice(_KINDS, case_sensitive=False), help="Default: release, or pullRequest with any."
    ),
    click.option("--clone-git-url", "git_url", default="", metavar="URL", help="The repository. Default: the clone's origin."),
    click.option("--branch", default="", help="Default: the clone's branch."),
    click.option("--revision", default="", help="The commit of it. Default: the clone's head."),
    click.option(
        "--pull-refs", default="", metavar="BASE:COMMIT,NUMBER:COMMIT", help="Pull requests, and what they are merged onto."
    ),
    click.option(
        "--build-number", "build", type=click.IntRange(1), default=1, show_default=True, help="The number of the build."
    ),
    click.option(
        "--next-build-number", "takes_number", is_flag=True, help="Take the next number of the platform's counter instead."
    ),
    click.option("--version", default="", help="The version that is released. Default: the steps of setVersion make it."),
    click.option("-n", "--namespace", default="", help="Where the run is to be."),
    click.option(
        "--service-account", "account", default="tekton-bot", show_default=True, help="The account that it runs as."
    ),
    click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="One more label."),
    click.option(
        "--pod-template", "pod_templates", multiple=True, metavar="NAME=IMAGE", help="The image that an agent of that name has."
    ),
    click.option("--clone-image", default="", metavar="IMAGE", help="An image with git, for the clone."),
    click.option("--version-stream", default="", metavar="DIR", help="A clone of it: the tags of images that have none."),
    click.option("--storage", default="1Gi", show_default=True, help="The size of a volume that stages share."),
    click.option("--docker-registry", default="", metavar="HOST", help="Told to the steps as DOCKER_REGISTRY."),
    click.option("--docker-registry-org", default="", metavar="ORG", help="... as DOCKER_REGISTRY_ORG."),
)  # fmt: skip


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which pipeline, for which commits, how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return pipeline_options(command)


def take_run(options: dict[str, Any]) -> Any:
    """Those options as a request to make a run."""
    from jx.domain.pipelines.syntax import PipelineKind
    from jx.usecases.pipelines.make_run import MakeRunRequest
    from jx.usecases.pipelines.read_pipeline import PipelineRequest

    pipeline = PipelineRequest(**take_request(options))
    kind = options.pop("kind")
    for name in ("labels", "pod_templates"):
        options[name] = parse_pairs(options[name])
    options["url"] = options.pop("git_url")
    return MakeRunRequest(pipeline=pipeline, kind=PipelineKind(kind) if kind else None, **options)
