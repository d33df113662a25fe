"""Read-only pages for a browser.

A browser has no token, and a printed URL must open: whoever can connect to the loopback address of this machine may read the
pages, those of private repositories too. Nothing can be changed here, and there are no cookies to steal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from jx.adapters.local.forge import diffs, markdown, rules
from jx.adapters.local.forge.repositories import Repository
from jx.adapters.local.forge.services import Services
from jx.domain.changes.changes import Comment, PullRequest, PullState
from jx.domain.errors import NotFound
from jx.domain.names import Revision

PLAN_KEY = "jx-plan"
"""The comment with this key tells what a pull request changes in the cluster."""

POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

_LARGEST_DIFF = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one forge."""

    services: Services
    templates: jinja2.Environment

    def home(self, request: Request) -> Response:
        """All repositories."""
        pulls = self.services.pulls
        repos = self.services.repositories.list_all()
        rows = [(repo, len(pulls.list_pulls(repo, PullState.OPEN))) for repo in repos]
        return self._page("home.html", rows=rows)

    def repository(self, request: Request) -> Response:
        """One repository: pull requests and newest commits."""
        name = request.path_params["name"]
        repo = self._repo(request)
        if name != repo.name:
            return RedirectResponse(f"/{repo.full_name}", 301)
        branch = repo.git.default_branch()
        head = repo.git.head(branch)
        return self._page(
            "repository.html",
            repo=repo,
            clone_url=self.services.pulls.clone_url(repo).url,
            branch=branch,
            pulls=self.services.pulls.list_pulls(repo, None),
            commits=repo.git.log(head, limit=30) if head else (),
        )

    def pull(self, request: Request) -> Response:
        """One pull request: what it changes, in the repository and in the cluster, and who thinks what of it."""
        repo = self._repo(request)
        number = request.path_params["number"]
        pull = self.services.pulls.observe(repo, number)
        fork_point = Revision(self.services.pulls.find_row(repo, number)["fork_point"])
        text, is_cut = repo.git.diff(fork_point, pull.head, limit=_LARGEST_DIFF)
        protection = self.services.protections.find(repo, pull.base_branch)
        plan = _find_plan(pull)
        return self._page(
            "pull.html",
            repo=repo,
            pull=pull,
            plan=plan,
            talk=[comment for comment in pull.comments if comment is not plan],
            approvers={person.login for person in rules.approvers(pull, protection)},
            missing=rules.list_missing(pull, protection) if pull.state is PullState.OPEN else (),
            commits=repo.git.log(f"{fork_point}..{pull.head}"),
            files=diffs.split(text),
            is_cut=is_cut,
        )

    def style(self, request: Request) -> Response:
        """The one style sheet."""
        css = resources.files("jx.adapters.local.forge").joinpath("pages/style.css").read_bytes()
        return Response(css, media_type="text/css", headers=POLICY)

    def missing(self, message: str) -> Response:
        """The page for what is not there."""
        return self._page("missing.html", 404, message=message)

    def _repo(self, request: Request) -> Repository:
        path = request.path_params
        return self.services.repositories.open_page(path["owner"], path["name"].removesuffix(".git"))

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self.templates.get_template(template).render(values), status, POLICY)


def routes(services: Services) -> list[Route]:
    """The pages' routes."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("jx.adapters.local.forge", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["blocks"] = markdown.blocks
    templates.filters["spans"] = markdown.spans
    templates.filters["day"] = lambda moment: moment.strftime("%Y-%m-%d %H:%M UTC")
    pages = Pages(services, templates)
    table = {
        "/": pages.home,
        "/static/style.css": pages.style,
        "/{owner}/{name}": pages.repository,
        "/{owner}/{name}/pulls/{number:int}": pages.pull,
    }
    return [Route(path, _or_missing(pages, show)) for path, show in table.items()]


def _or_missing(pages: Pages, show: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            return show(request)
        except NotFound as error:
            return pages.missing(error.message)

    return answer


def _find_plan(pull: PullRequest) -> Comment | None:
    plans = [comment for comment in pull.comments if comment.key == PLAN_KEY]
    return max(plans, key=lambda comment: comment.created, default=None)
