"""`jx step helm build`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.session import Session
from jx.cli.session import command as with_session
from jx.domain.layouts import boot as boot_layout


@click.command()
@click.option("-d", "--dir", "folder", default=".", show_default=True, help="The clone, or a folder in it.")
@click.option("-o", "--output", "target", default="", help="Write the merged chart into this new folder.")
@click.option("--recursive", is_flag=True, hidden=True)
@click.option("--boot", is_flag=True, hidden=True)
@click.option("--provider-values-dir", default="", hidden=True)
@with_session
def command(
    session: Session, folder: str, target: str, provider_values_dir: str, *, recursive: bool, boot: bool
) -> None:
    """Check that an environment's chart renders, and write it merged, with its dependencies, into a folder.

    `helm template` of that folder gives the same objects: there is no lock-in.

    \b
    Examples:
      jx step helm build
      jx step helm build --output /tmp/env && helm template jenkins-x /tmp/env --namespace jx
    """
    read = session.wiring.folders.read(folder)
    built = session.wiring.build_chart()(boot_layout.as_environment(read.tree, read.subfolder) or read.tree)
    if target:
        session.wiring.folders.write(target, built.chart)
    charts, objects = len(built.rendered.charts), len(built.rendered.objects)
    written = f", written to {target}" if target else ""
    output.say(
        f"{built.spec.name}: {objects} objects from {charts} charts render for release {built.spec.release}{written}"
    )
