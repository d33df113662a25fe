"""`jx pr view`."""

from __future__ import annotations

import click

from jx.cli import output
from jx.cli.pulls import Place, comment_text, find_pull, place_options, pull_to_data
from jx.cli.session import Session
from jx.cli.session import command as with_session


@click.command()
@click.argument("pull")
@place_options("dev")
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="Print a document instead of text."
)
@with_session
def command(session: Session, pull: str, place: Place, form: str | None) -> None:
    """Show one pull request, by its number or URL.

    \b
    Examples:
      jx pr view 3
      jx pr view 1 --env staging
    """
    found = find_pull(session, pull, place)
    if form:
        output.document(pull_to_data(found), form)
        return
    output.say(output.style(f"#{found.number} {found.title}", "bold"))
    output.say(f"{found.state} · {found.author.name} wants {found.head_branch} in {found.base_branch}")
    output.say(found.url)
    if found.body:
        output.say(f"\n{found.body}")
    output.say()
    for check in found.checks:
        output.say(f"check {check.context}: {check.state} · {check.description}".rstrip(" ·"))
    for review in found.reviews:
        stale = "" if review.revision == found.head else " (an older commit)"
        verdict = "approved" if review.approves else "commented"
        output.say(f"{verdict} by {review.author.name}{stale} {review.body}".rstrip())
    for comment in found.comments:
        output.say(f"\n{comment.author.name} commented:\n{comment_text(comment.body)}")
