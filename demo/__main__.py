"""The whole story on an embedded platform: install, change, upgrade, break, rescue. Each command is printed as typed, and run.

Two users of the forge take part: ann asks, and who installed the platform approves. Everything happens in a throw-away JX_HOME;
`KEEP=1 make demo` keeps it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOLD, GREEN, RED, DIM, OFF = (
    ("\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m")
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    else ("", "", "", "", "")
)


class Story:
    """Runs commands as a person would type them, in one shell's folder and environment."""

    def __init__(self, home: Path) -> None:
        self.folder = home
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("JX_", "GIT_", "KUBECONFIG"))
            },
            "JX_HOME": str(home / "jx-home"),
            "PATH": f"{ROOT}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "Bob Ray",
            "GIT_AUTHOR_EMAIL": "bob@example.com",
            "GIT_COMMITTER_NAME": "Bob Ray",
            "GIT_COMMITTER_EMAIL": "bob@example.com",
            "JX_BATCH_MODE": "true",
        }

    def chapter(self, title: str) -> None:
        """A heading."""
        print(f"\n{BOLD}== {title}{OFF}", flush=True)

    def say(self, text: str) -> None:
        """A remark between commands."""
        print(f"{DIM}# {text}{OFF}", flush=True)

    def run(self, command: str, *, fails_with: int | None = None) -> str:
        """Print and run a command; its output, which is shown too. Any other exit code than expected ends the demo."""
        print(f"{GREEN}${OFF} {BOLD}{command}{OFF}", flush=True)
        with subprocess.Popen(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            lines = []
            for line in process.stdout or ():
                print(f"  {line}", end="", flush=True)
                lines.append(line)
        expected = fails_with or 0
        self.check(
            process.returncode == expected, f"`{command}` ended with {process.returncode}, not {expected}"
        )
        return "".join(lines)

    def wait_for(self, command: str, text: str) -> str:
        """Run a command until its output has a text, and show it once, as it is then."""
        deadline = time.monotonic() + 120
        while text not in subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, text=True, capture_output=True, check=False
        ).stdout:  # fmt: skip
            self.check(time.monotonic() < deadline, f"{text!r} did not come")
            time.sleep(0.5)
        return self.run(command)

    def cd(self, folder: str) -> None:
        """Change the shell's folder."""
        print(f"{GREEN}${OFF} {BOLD}cd {folder}{OFF}", flush=True)
        self.folder = (self.folder / folder).resolve()

    def use_environment(self) -> None:
        """What `eval "$(jx local env)"` does to a shell."""
        print(f'{GREEN}${OFF} {BOLD}eval "$(jx local env)"{OFF}', flush=True)
        printed = subprocess.run(
            ["bash", "-c", 'eval "$(jx local env)"; env -0'],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=True,
        )
        self.environment = dict(row.split("=", 1) for row in printed.stdout.decode().split("\0") if row)

    def check(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001
        """End the demo with a message where something did not come out as told."""
        if not holds:
            raise SystemExit(f"{RED}The demo failed: {otherwise}{OFF}")


def pull_number(output: str) -> str:
    """The number in `Created Pull Request: <url>`."""
    found = re.search(r"Created Pull Request: \S+/pulls/(\d+)", output)
    if not found:
        raise SystemExit(f"{RED}The demo failed: no pull request was created{OFF}")
    return found[1]


def returning(listed: str) -> str:
    """The number of the pull request that the platform itself has opened."""
    found = re.search(r"#(\d+) .*Go back to", listed)
    assert found
    return found[1]


def tell(story: Story) -> None:
    """The story, chapter by chapter."""
    story.chapter("Install a platform that manages itself by GitOps (no cluster needed)")
    story.run("jx install --ng")
    story.use_environment()
    story.run('jx local user add ann --full-name "Ann Lee" --email ann@example.com')
    story.run("jx get env")

    story.chapter("Ann adds an app: a pull request. You read what it does to the cluster, approve, merge")
    number = pull_number(story.run("jx --as ann add app redis"))
    story.run(f"jx pr diff {number} --summary")
    story.run(f"jx pr approve {number}")
    story.run(f"jx pr merge {number} --wait")
    story.check("redis" in story.run("jx get apps"), "redis is not among the apps")

    story.chapter("The platform itself is upgraded in the same way")
    number = pull_number(story.run("jx --as ann upgrade platform --version 1.1.0"))
    story.run(f"jx pr approve {number}")
    story.run(f"jx pr merge {number} --wait")

    heals_itself(story)
    look_back(story)
    rescue(story)


def heals_itself(story: Story) -> None:
    """A version that breaks CI/CD, and nobody does anything."""
    story.chapter("An upgrade breaks CI/CD itself, and heals itself")
    story.say("A new version has five minutes to prove that CI/CD works. Six seconds are enough for a demo.")
    number = pull_number(story.run("jx --as ann edit requirements apply.watchdogSeconds=6"))
    story.run(f"jx pr approve {number} && jx pr merge {number} --wait")
    story.say("What runs is verified: a signed event went all the way through, and came back.")
    story.check("CI/CD works" in story.run("jx step verify install"), "CI/CD does not work")
    number = pull_number(story.run("jx --as ann upgrade platform --version 1.2.0"))
    story.run(f"jx pr approve {number} && jx pr merge {number}")
    story.say("1.2.0 is broken: its controllers do not start, so nobody is there to apply a revert.")
    story.say(
        "But a watchdog outside of the platform was started before. It brings back what was verified last."
    )
    story.wait_for("jx get env dev", "on hold by watchdog")
    story.say("The platform that is back opens the pull request that makes git say the same.")
    number = returning(story.wait_for("jx pr list", "Go back to"))
    story.run(f"jx pr approve {number} && jx pr merge {number} --wait")
    story.check("CI/CD works" in story.run("jx step verify install"), "CI/CD does not work")


def look_back(story: Story) -> None:
    """What the history tells of it, and a change that is taken back."""
    story.chapter("Who changed what, when and why")
    told = story.run("jx get history dev")
    story.check("watchdog" in told, "the history does not tell of the watchdog")
    story.say("Each field of each object leads to the line and the change that set it.")
    story.run("jx blame StatefulSet/jenkins-x-redis --field spec.replicas")
    story.say("The ledger is a branch of the repository. Nobody can change what it says unseen.")
    story.check("BROKEN" not in story.run("jx verify history dev"), "the ledger is broken")

    story.chapter("Take a change back: first what that does, then a pull request")
    number = pull_number(story.run("jx --as ann revert redis"))
    story.run(f"jx pr approve {number} && jx pr merge {number} --wait")
    story.check("redis" not in story.run("jx get apps"), "redis is still there")


def rescue(story: Story) -> None:
    """CI/CD is broken, and a person is faster than the watchdog: the manual way, as the document has it."""
    story.chapter("If things go bad: the manual way, with nothing but a clone")
    story.say("Five minutes again, so that there is something to do by hand.")
    number = pull_number(story.run("jx --as ann edit requirements apply.watchdogSeconds=300"))
    story.run(f"jx pr approve {number} && jx pr merge {number} --wait")
    number = pull_number(story.run("jx --as ann upgrade platform --version 1.2.0"))
    story.run(f"jx pr approve {number}")
    broken = story.run(f"jx pr merge {number} --wait --timeout 15", fails_with=1)
    story.check("jx-controllers" in broken, "the broken controllers were not named")
    story.say(
        "The next change is neither checked nor applied: nobody is there. The owner can merge it all the same."
    )
    number = pull_number(story.run("jx --as ann add app shop --env staging"))
    story.run(f"jx pr merge {number} --env staging --override 'CI/CD is down'")
    story.check("shop" not in story.run("jx get applications"), "shop was applied though CI/CD is down")
    story.run("git clone -q $MY_DEV_GIT_CLONE_URL jenkins-x-dev-env")
    story.cd("jenkins-x-dev-env/env")
    story.run("git revert --no-edit -m 1 HEAD")
    story.run('jx step env apply --reason "1.2.0 does not start"')
    story.say("The platform is back, and holds: it does not apply the broken commit again.")
    story.check("on hold" in story.run("jx get env dev"), "there is no hold")
    story.say("Pushing the revert ends the hold, and the merge that waited is applied.")
    story.run("git push -q origin master && jx get env --wait")
    story.check("shop" in story.run("jx get applications"), "the waiting merge was not applied")
    told = story.run("jx get history dev --limit 3")
    story.check("1.2.0 does not start" in told, "the history does not tell of the rescue")


@contextmanager
def home() -> Iterator[Path]:
    """A throw-away home, removed at the end with all that runs in it, unless KEEP is set."""
    folder = Path(tempfile.mkdtemp(prefix="jx-demo-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield folder
    finally:
        story = Story(folder)
        if os.environ.get("KEEP"):
            print(
                f"\nThe platform goes on. Explore it:\n  export JX_HOME={story.environment['JX_HOME']} PATH={ROOT}:$PATH"
            )
            print('  eval "$(jx local env)"\n  jx\nRemove it:\n  jx local reset --yes')
        else:
            subprocess.run(
                ["jx", "local", "reset", "--yes"], env=story.environment, capture_output=True, check=False
            )
            shutil.rmtree(folder, ignore_errors=True)
            print("\nThe platform was thrown away. Keep one to explore: KEEP=1 make demo")
            print("Or install your own: ./jx install --ng")


def main() -> None:
    """Tell the story."""
    started = time.monotonic()
    with home() as folder:
        tell(Story(folder))
        print(f"\n{GREEN}{BOLD}All as told, in {time.monotonic() - started:.0f} seconds.{OFF}")


if __name__ == "__main__":
    main()
