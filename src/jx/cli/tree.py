"""The table of commands, and the groups that load a command's module only when it is used."""

from __future__ import annotations

import difflib
import keyword
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Row:
    """One command: the words a user types, what it does in one line, and under which heading help lists it."""

    words: str
    summary: str
    section: str = ""
    aliases: tuple[str, ...] = ()
    hidden: bool = False

    @property
    def module(self) -> str:
        """Where it is: the words joined, below `jx.cli.commands`; `import_`, since python means something else by that word."""
        name = self.words.replace(" ", "_").replace("-", "_")
        return "jx.cli.commands." + (f"{name}_" if keyword.iskeyword(name) else name)


START, CHANGE, LOOK, RUNS, RESCUE, PLATFORM, STEPS = (
    "Start",
    "Change (each opens a pull request)",
    "Look",
    "Run pipelines",
    "Rescue",
    "Embedded platform",
    "Steps of pipelines",
)

ROWS = (
    Row("install", "Install Jenkins X, managed by GitOps", START),
    Row("uninstall", "Show what would be removed, then remove it", START),
    Row("create cluster", "Create a Kubernetes cluster, then install", START),
    Row("use", "Choose the embedded platform to work with", START),
    Row("version", "Print the version of jx", START),
    Row("completion", "Print the completion script of a shell", START),
    Row("add app", "Add an app to an environment", CHANGE),
    Row("add login", "Keep the login of a chart repository or git server in the store", CHANGE),
    Row("upgrade app", "Upgrade one app, or all", CHANGE, aliases=("apps",)),
    Row("upgrade platform", "Upgrade the platform itself", CHANGE, aliases=("install",)),
    Row("delete app", "Remove an app from an environment", CHANGE),
    Row("promote", "Promote a release of an app into environments, or roll it back", CHANGE),
    Row("create env", "Add an environment, with its repository", CHANGE, aliases=("environment",)),
    Row("edit env", "Change what an environment is declared as", CHANGE, aliases=("environment",)),
    Row("delete env", "Remove an environment; what runs there stays", CHANGE, aliases=("environment",)),
    Row("import", "Have a repository's pushes and pull requests start its pipelines", CHANGE),
    Row("delete application", "Have nothing start a repository's pipelines any more", CHANGE),
    Row("edit requirements", "Set settings of jx-requirements.yml", CHANGE, aliases=("requirement",)),
    Row("edit platform", "Set values of the platform's chart", CHANGE),
    Row("create vault", "Add a Vault of your own, kept by its operator", CHANGE),
    Row("edit app", "Set values of an app", CHANGE),
    Row("edit secret", "Set a secret in its store; git holds references only", CHANGE),
    Row("rotate secret", "Give a secret a new value, and the workloads that read it", CHANGE),
    Row("revert", "Take a change back, after a look at what that will do", CHANGE),
    Row("pr create", "Open a pull request for a branch that you have pushed", CHANGE),
    Row("pr list", "List pull requests", CHANGE),
    Row("pr view", "Show one pull request", CHANGE),
    Row("pr diff", "Show what a pull request changes in the cluster", CHANGE),
    Row("pr comment", "Comment on a pull request", CHANGE),
    Row("pr approve", "Approve a pull request as it is now", CHANGE),
    Row("pr merge", "Merge a pull request", CHANGE),
    Row("pr close", "Close a pull request without merging it", CHANGE),
    Row("get env", "List environments", LOOK, aliases=("environments", "environment", "envs")),
    Row("get apps", "List the apps of an environment", LOOK, aliases=("app",)),
    Row("get applications", "List what runs where", LOOK, aliases=("application", "version", "versions")),
    Row("get activities", "List what was done and is being done", LOOK, aliases=("activity", "act")),
    Row("get pipelines", "List pipelines, each with its last run", LOOK, aliases=("pipeline",)),
    Row("get build logs", "Show what the steps of a run print", LOOK, aliases=("log",)),
    Row("get build pods", "List the pods of runs", LOOK, aliases=("pod",)),
    Row("start pipeline", "Run an environment's pipeline once more", RUNS),
    Row("stop pipeline", "End a run that goes on", RUNS),
    Row("get secrets", "List secrets, who uses them, and whether they are there", LOOK, aliases=("secret",)),
    Row("get vault-config", "Print what connects Vault's own client to the secret store", LOOK),
    Row("get drift", "Show what was changed in the cluster behind our back", LOOK),
    Row("get history", "Show what changed, by whom, who approved it, and how it went", LOOK),
    Row("verify history", "Check that ledgers are what was applied, and what can be proven", LOOK),
    Row("blame", "Show which change, line and person set each field of an object", LOOK),
    Row("why", "Tell why an object exists", LOOK),
    Row("diff", "Show what an apply would change", LOOK),
    Row("doctor", "Tell what is wrong in the platform, and what mends it", RESCUE),
    Row("backup", "Save what git does not have to an encrypted file", RESCUE),
    Row("restore", "Bring a platform back from its backup", RESCUE),
    Row("step env apply", "Apply an environment from a clone of its repository", RESCUE),
    Row("hold", "Stop automatic applies of an environment, with a reason that everybody sees", RESCUE),
    Row("resume", "End a hold, so that merges apply themselves again", RESCUE),
    Row("step helm build", "Write the merged chart of an environment, and check that it renders", STEPS),
    Row("step helm apply", "Apply the chart in a folder", STEPS),
    Row("step helm version", "Set the version of a chart to the build number", STEPS),
    Row(
        "step secrets setup", "Set up the secret store: engine, logins, what each environment may read", STEPS
    ),
    Row(
        "step secrets verify", "Check that every secret that is referred to is there, or will be made", STEPS
    ),
    Row("step verify pr", "Check a pull request, and say on it what its merge would do", STEPS),
    Row("step verify install", "Check that CI/CD works, by an event that comes back", STEPS),
    Row("step git credentials", "Have git log in as the run is told to", STEPS),
    Row("step syntax validate", "Check pipeline files, all mistakes at once", STEPS),
    Row("step syntax effective", "Show what a project's pipelines come to", STEPS),
    Row("step syntax schema", "Print the JSON Schema of pipeline files", STEPS),
    Row("step create task", "Print the Tekton PipelineRun of a project's pipeline", STEPS),
    Row("local start", "Start the embedded platform", PLATFORM),
    Row("local stop", "Stop it; nothing is lost", PLATFORM),
    Row("local status", "Show what runs", PLATFORM),
    Row("local logs", "Show logs of the world and of pods", PLATFORM),
    Row("local env", "Print what a shell needs to work with it", PLATFORM),
    Row("local reset", "Delete it, with all its data", PLATFORM),
    Row("local kubeconfig", "Print its kubeconfig, or merge it into yours", PLATFORM),
    Row("local kubernetes", "Run the embedded Kubernetes API by itself", PLATFORM),
    Row("local user add", "Add a user of the embedded forge", PLATFORM),
    Row("local user list", "List the users of the embedded forge", PLATFORM),
    Row("local git-credential", "Serve tokens to git", PLATFORM, hidden=True),
    Row("controllers run", "Run the controllers (in a pod)", hidden=True),
    Row("runner run", "Run the runner of pipelines (in a pod)", hidden=True),
    Row("watchdog run", "Watch over an upgrade of the platform (in a pod)", hidden=True),
    Row("webhooks serve", "Serve the webhook receiver (in a pod)", hidden=True),
)

SUMMARIES = {
    "add": "Add apps, and logins",
    "create": "Create clusters, environments and Vaults",
    "delete": "Remove apps, environments and imports",
    "edit": "Set values, settings, secrets and environments",
    "get": "List environments, apps, applications, activities, pipelines, drift, history",
    "get build": "Logs and pods of runs",
    "start": "Run pipelines once more",
    "stop": "End runs",
    "rotate": "Rotate secrets",
    "pr": "Pull requests: create, list, view, diff, comment, approve, merge, close",
    "step": "Steps of pipelines, and the rescue: step env apply",
    "step env": "Apply an environment",
    "step helm": "Build, apply and number charts",
    "step secrets": "Check secrets, and set up their store",
    "step git": "Set git up",
    "step create": "Make Tekton objects",
    "step verify": "Check pull requests and the installation",
    "step syntax": "Check and show pipeline files",
    "local": "The embedded platform: start, stop, status, logs, users",
    "local user": "Users of the embedded forge",
    "upgrade": "Upgrade apps and the platform",
    "controllers": "Run the controllers",
    "runner": "Run the runner of pipelines",
    "verify": "Check that ledgers are what was applied",
    "watchdog": "Run the watchdog",
    "webhooks": "Serve the webhook receiver",
}


class Tree(click.Group):
    """A group whose commands stand in the table; help reads the table and imports nothing."""

    def __init__(self, words: str = "", **settings: Any) -> None:
        super().__init__(**settings)
        self.words = words

    def _rows(self) -> list[Row]:
        prefix = f"{self.words} " if self.words else ""
        return [row for row in ROWS if row.words.startswith(prefix)]

    def _next_word(self, row: Row) -> tuple[str, bool]:
        rest = row.words.removeprefix(self.words).split()
        return rest[0], len(rest) == 1

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The next words, in the table's order, hidden ones left out."""
        seen = dict.fromkeys(self._next_word(row)[0] for row in self._rows() if not row.hidden)
        return list(seen)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command or sub-group of a word; imports the module of a command."""
        for row in self._rows():
            word, is_last = self._next_word(row)
            if is_last and (cmd_name == word or cmd_name in row.aliases):
                return load(row)
            if not is_last and cmd_name == word:
                words = f"{self.words} {word}".strip()
                return Tree(words, name=word, help=SUMMARIES.get(words, ""), no_args_is_help=True)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a typo is answered with the nearest words."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            known = [*self.list_commands(ctx), *(alias for row in self._rows() for alias in row.aliases)]
            near = difflib.get_close_matches(name, known, n=3)
            hint = f" Did you mean {' or '.join(repr(word) for word in near)}?" if near else ""
            path = ctx.command_path
            ctx.fail(f"There is no command '{path} {name}'.{hint} See '{path} --help'.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands by section, from the table alone."""
        sections: dict[str, dict[str, str]] = {}
        for row in self._rows():
            if row.hidden:
                continue
            word, is_last = self._next_word(row)
            section = (row.section or "Commands") if not self.words else "Commands"
            summary = row.summary if is_last else SUMMARIES.get(f"{self.words} {word}".strip(), "")
            if all(word not in rows for rows in sections.values()):
                sections.setdefault(section, {})[word] = summary
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(list(rows.items()))


def load(row: Row) -> click.Command:
    """The click command of a row: the attribute `command` of its module."""
    command: click.Command = import_module(row.module).command
    return command
