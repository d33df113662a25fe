"""The entry: arguments in, exit code out; the one handler that turns errors into messages."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

import click

from jx.cli import exit_codes
from jx.cli.tree import Tree

_DASHES = ("\u2014", "\u2013", "\u2012", "\u2015")

_HELP = """GitOps for a whole CI/CD platform: install, change, promote, audit and rescue it through pull requests.

\b
Begin with:
  jx install --ng          a platform on this machine, no cluster needed
  jx                       where you stand, and the next command
"""


@click.command(
    cls=Tree,
    invoke_without_command=True,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--as", "user", metavar="USER", help="Act as this user of the embedded forge.")
@click.option("--platform", metavar="NAME", help="The embedded platform to work with (see: jx use).")
@click.option("--kubeconfig", default="", metavar="FILE", help="Work with the cluster that this file names.")
@click.option("--context", "kube_context", default="", metavar="NAME", help="... by this context of it.")
@click.option("-v", "--verbose", is_flag=True, help="Tell more about what goes on.")
@click.pass_context
def root(
    context: click.Context, /, user: str | None, platform: str | None, *, verbose: bool, **where: str
) -> None:
    from jx.cli.session import Session

    context.obj = Session.begin(user=user, platform=platform, verbose=verbose)
    context.obj.use_cluster(where["kubeconfig"], where["kube_context"])
    if context.invoked_subcommand is None:
        from jx.cli.commands.here import show

        show(context.obj)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run jx; the exit code. `python -m jx` and the script `jx` both come here."""
    gc.set_threshold(50_000, 20, 100)  # a plan makes many objects and hardly a cycle
    words = list(sys.argv[1:] if arguments is None else arguments)
    pasted = next((word for word in words if word.startswith(_DASHES)), None)
    if pasted:
        plain = "--" + pasted.lstrip("".join(_DASHES) + "-")
        sys.stderr.write(
            f"error: {pasted} begins with a typographic dash, as a web page prints it\nhint: type {plain}\n"
        )
        return exit_codes.USAGE
    return _guard(words)


def _guard(words: list[str]) -> int:
    from jx.domain.errors import JxError

    try:
        return _run(words)
    except KeyboardInterrupt as interrupted:
        what_goes_on = "".join(f"{line}\n" for line in interrupted.args)
        sys.stderr.write(f"\ninterrupted\n{what_goes_on}")
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.DONE
    except JxError as error:
        from jx.cli.output import show_error

        show_error(error)
        return exit_codes.code_of(error)
    except OSError as error:
        return _broken_world(error)
    except Exception:  # noqa: BLE001 - the last handler: whatever was not foreseen is a fault of ours
        from jx.cli.faults import report

        return report(words)


def _run(words: list[str]) -> int:
    """Run under click; its own ways out become exit codes."""
    try:
        code = root.main(args=words, prog_name="jx", standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return exit_codes.USAGE
    except click.UsageError as error:
        return _misused(error)
    except click.ClickException as error:
        error.show()
        return exit_codes.FAILED
    return code if isinstance(code, int) else exit_codes.DONE


def _misused(error: click.UsageError) -> int:
    """Say it as every other error is said, with how the command is used."""
    sys.stderr.write(f"error: {error.format_message()}\n")
    if error.ctx is not None:
        usage = " ".join(error.ctx.get_usage().removeprefix("Usage: ").split())
        sys.stderr.write(f"hint: {usage}; see {error.ctx.command_path} --help\n")
    return exit_codes.USAGE


def _broken_world(error: OSError) -> int:
    import errno

    from jx.cli.faults import report

    reasons = {
        errno.ENOSPC: ("the disk is full", "free some space and run the same command again"),
        errno.EDQUOT: ("the disk quota is used up", "free some space and run the same command again"),
        errno.EROFS: ("the file system is read-only", "set JX_HOME to a folder that can be written"),
        errno.EACCES: ("no permission", "check the owner and mode of that path"),
        errno.EPERM: ("no permission", "check the owner and mode of that path"),
        errno.EMFILE: ("too many open files", "raise the limit: ulimit -n 4096"),
    }
    if error.errno not in reasons:
        return report(sys.argv[1:])
    what, how = reasons[error.errno]
    where = f": {error.filename}" if error.filename else ""
    sys.stderr.write(f"error: {what}{where}\nhint: {how}\n")
    return exit_codes.FAILED
