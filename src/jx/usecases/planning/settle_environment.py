"""Settle an environment: versions and values that repositories of `jx boot` leave open, so that what is left can be rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.errors import Invalid
from jx.domain.layouts import boot
from jx.domain.layouts.sections import Mistakes
from jx.domain.names import Revision
from jx.domain.objects.manifests import Capabilities
from jx.domain.platforms import settling
from jx.domain.trees import Tree
from jx.domain.version_stream import COMMIT
from jx.ports.renderer import Renderer, RenderRequest
from jx.ports.repos import Repos


@dataclass(frozen=True, slots=True)
class SettleEnvironment:
    """Reads the version stream where a version is missing, and has Helm's own engine evaluate templates of values. The same files
    and the same stream give the same answer."""

    repos: Repos
    renderer: Renderer

    def __call__(self, spec: EnvironmentSpec, tree: Tree) -> Tree:
        """The files with nothing left open. Invalid says of each thing that cannot be known what it is and where; what reading
        the stream raises."""
        mistakes = Mistakes()
        stream = self._read_stream(spec)
        filled = settling.fill_versions(tree, spec.chart_dir, spec.apps, stream or Tree(), mistakes)
        about = boot.data_of(filled, spec.chart_dir)
        texts = {
            path: text
            for path in boot.list_templates(filled, spec.chart_dir)
            if (text := self._evaluate(path, filled.text(path), about, stream, mistakes)) is not None
        }
        mistakes.check(
            "the environment leaves open what nobody here knows",
            hint=f"templates see .Requirements ({boot.REQUIREMENTS}), .Environments, and .Parameters ({boot.PARAMETERS} beside"
            " Chart.yaml, with references in place of secrets); versions come from the version stream",
        )
        return boot.settled(filled, texts)

    def _read_stream(self, spec: EnvironmentSpec) -> Tree | None:
        repo, ref = spec.requirements.version_stream, spec.requirements.version_stream_ref
        if repo is None:
            return None
        revision = Revision(ref) if COMMIT.fullmatch(ref) else self.repos.head(repo, ref)
        return self.repos.read(repo, revision) if revision else None

    def _evaluate(
        self, path: str, text: str, about: dict[str, Any], stream: Tree | None, mistakes: Mistakes
    ) -> str | None:
        why = boot.why_closed(text)
        if why:
            mistakes.add(path, why)
            return None
        request = RenderRequest(
            release="values",
            namespace="default",
            chart=settling.carry(text, path, stream),
            dependencies={},
            capabilities=Capabilities(),
            values={"about": about},
        )
        try:
            (manifest,) = self.renderer.render(request).objects
        except Invalid as error:
            reasons = [problem.what for problem in error.problems] or [error.message]
            line = next((problem.line for problem in error.problems if problem.line), None)
            mistakes.add(path, settling.plain_reason("; ".join(reasons)), line)
            return None
        return str(manifest.body["data"][settling.RESULT])
