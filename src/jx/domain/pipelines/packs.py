"""Build packs: repositories of pipelines that projects of a kind share, and that add to each other by `extends`."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.errors import Invalid, NotFound, Problem
from jx.domain.layouts.new_environment import BUILDER_IMAGE
from jx.domain.layouts.sections import find_nearest
from jx.domain.pipelines import files
from jx.domain.pipelines.inheriting import extend_config
from jx.domain.pipelines.overriding import override_config
from jx.domain.pipelines.syntax import NO_PACK, Extends, PackImports, PipelineConfig
from jx.domain.trees import Tree

DEFAULT_URL, DEFAULT_REF = "https://github.com/jenkins-x-buildpacks/jenkins-x-kubernetes.git", "master"
"""Where build packs are taken from unless a project names others."""
FOLDER = "packs"
ENVIRONMENT = "environment"
"""The pack of environments, which is brought along: they must apply themselves also when no other repository can be reached."""

_ENVIRONMENT_PACK = f"""\
pipelines:
  pullRequest:
    pipeline:
      agent: {{image: {BUILDER_IMAGE}}}
      stages:
      - name: environment
        steps: [{{name: verify-pr, command: jx step verify pr, dir: env}}]
  release:
    pipeline:
      agent: {{image: {BUILDER_IMAGE}}}
      stages:
      - name: environment
        steps: [{{name: env-apply, command: jx step env apply, dir: env}}]
"""

_MARKERS = (
    ("pom.xml", "maven"),
    ("build.gradle", "gradle"),
    ("plugins.txt", "jenkins"),
    ("packager-config.yml", "cwp"),
    ("env/Chart.yaml", ENVIRONMENT),
    ("env/requirements.yaml", ENVIRONMENT),
    ("go.mod", "go"),
    ("main.go", "go"),
    ("Cargo.toml", "rust"),
    ("tsconfig.json", "typescript"),
    ("package.json", "javascript"),
    ("requirements.txt", "python"),
    ("setup.py", "python"),
    ("Gemfile", "ruby"),
    ("build.sbt", "scala"),
    ("composer.json", "php"),
    ("Jenkinsfile", "custom-jenkins"),
)

MARKERS = ("Dockerfile", "charts/*/Chart.yaml", "*/Chart.yaml", *(name for name, _ in _MARKERS))
"""The files, by name or pattern, that tell which build pack is meant."""


@dataclass(frozen=True, slots=True)
class Packs:
    """Repositories of build packs: the one that was named, and those that it imports, by their names there."""

    tree: Tree = field(default_factory=Tree)
    modules: Mapping[str, Tree] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The packs that it has."""
        parts = (path.split("/") for path in self.tree.files)
        return tuple(
            "/".join(one[1:-1])
            for one in parts
            if len(one) > 2 and (one[0], one[-1]) == (FOLDER, files.PACK_FILE)
        )

    def load(self, name: str) -> PipelineConfig:
        """A pack with all that it extends; NotFound without it, Invalid with every mistake of a file."""
        path = f"{FOLDER}/{name}/{files.PACK_FILE}"
        if path not in self.tree.files:
            near = find_nearest(name, self.names)
            may = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self.names) or 'none'}"
            raise NotFound(f"there is no build pack {name}", hint=may)
        return self._load("", path, ())

    def check(self, name: str) -> None:
        """Invalid where a pack, or one of this repository that it extends, cannot be; one of a module is taken to be right."""
        path, chain = f"{FOLDER}/{name}/{files.PACK_FILE}", [f"{FOLDER}/{name}/{files.PACK_FILE}"]
        while (extends := files.parse_pack(self.tree.text(path), path).extends) and not extends.import_:
            path = join_base(path, extends)
            if path in chain:
                raise _circle(extends, [*chain, path])
            if path not in self.tree.files:
                raise _not_there(extends, path, "")
            chain.append(path)
        if not extends:
            self.load(name)

    def resolve(self, config: PipelineConfig, path: str, project: Tree) -> PipelineConfig:
        """A project's configuration on top of what it extends: a file of its own, or of a module. Its overrides stay."""
        return Packs(project, self.modules)._extended(config, "", path, ((path, ""),))

    def _load(self, module: str, path: str, chain: tuple[tuple[str, str], ...]) -> PipelineConfig:
        where = f"{module}:{path}" if module else path
        config = files.parse_pack(self._tree(module).text(path), where)
        return override_config(self._extended(config, module, path, (*chain, (path, module))))

    def _extended(
        self, config: PipelineConfig, module: str, path: str, chain: tuple[tuple[str, str], ...]
    ) -> PipelineConfig:
        extends = config.extends
        if extends is None:
            return config
        target = extends.import_ or module
        base = join_base(path, extends)
        if (base, target) in chain:
            raise _circle(extends, [*(name for name, _ in chain), base])
        if target and target not in self.modules:
            known = ", ".join(sorted(self.modules)) or "none"
            what = f"there is no module {target}; {FOLDER}/{files.IMPORTS_FILE} names: {known}"
            raise Invalid("a base is not there", extends.place.problem(what, "import"))
        if base not in self._tree(target).files:
            of = f" in module {target}" if target else ""
            raise Invalid(
                "a base is not there", extends.place.problem(f"there is no file {base}{of}", "file")
            )
        return extend_config(config, self._load(target, base, chain))

    def _tree(self, module: str) -> Tree:
        return self.modules[module] if module else self.tree


def join_base(path: str, extends: Extends) -> str:
    """The path of what a file extends, in its own repository or in that of the module."""
    folder = FOLDER if extends.import_ else posixpath.dirname(path)
    return posixpath.normpath(posixpath.join(folder, extends.file))


def _circle(extends: Extends, chain: list[str]) -> Invalid:
    circle = " -> ".join(chain[chain.index(chain[-1]) :])
    return Invalid("build packs extend each other in a circle", extends.place.problem(circle, "file"))


def _not_there(extends: Extends, base: str, module: str) -> Invalid:
    of = f" in module {module}" if module else ""
    return Invalid("a base is not there", extends.place.problem(f"there is no file {base}{of}", "file"))


def read_imports(tree: Tree) -> PackImports:
    """The other repositories that one of build packs names."""
    path = f"{FOLDER}/{files.IMPORTS_FILE}"
    return files.parse_imports(tree.text(path), path) if path in tree.files else PackImports()


def bring_along() -> Packs:
    """The packs that need no repository."""
    return Packs(Tree().put(f"{FOLDER}/{ENVIRONMENT}/{files.PACK_FILE}", _ENVIRONMENT_PACK))


def detect_pack(names: Tree) -> str:
    """The pack that the files of a project call for; empty where they call for none."""
    found = next((pack for marker, pack in _MARKERS if marker in names.files), "")
    if found:
        return found
    has_docker = "Dockerfile" in names.files
    has_chart = any(path.endswith("/Chart.yaml") for path in names.files)
    return {(True, True): "docker-helm", (True, False): "docker", (False, True): "helm"}.get(
        (has_docker, has_chart), ""
    )


def problem_without_pack(where: str) -> Invalid:
    """Nothing says which pack is meant, and the file has no pipelines of its own."""
    return Invalid(
        "nothing says which build pack is meant",
        Problem(where, f"set buildPack, or {NO_PACK} for pipelines of its own"),
    )
