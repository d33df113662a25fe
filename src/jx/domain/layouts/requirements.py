"""`jx-requirements.yml`: the settings of an installation. Jenkins X 2's keys, and a block `apply:` of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jx.domain.applying.conflicts import Rule, Way
from jx.domain.charts.apps import AppPlace
from jx.domain.charts.logins import Login, parse_url
from jx.domain.environments.environments import PlainField, Requirements, SecretField
from jx.domain.environments.source_repositories import Grant
from jx.domain.layouts.sections import Mistakes, Section, find_nearest, open_section
from jx.domain.ledger.drift import Cure
from jx.domain.names import parse_repo
from jx.domain.objects.references import parse_reference
from jx.domain.texts.values import parse_path
from jx.domain.texts.yaml_edit import append_item, remove, set_value
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

FILE = "jx-requirements.yml"


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """What the block `apply:` says of this very repository; empty where it is silent."""

    environment: str = ""
    namespace: str = ""
    release: str = ""


KNOWN = frozenset(
    {
        "apply", "approval", "autoUpdate", "bootConfigURL", "cluster", "environments", "gitops", "helmfile", "ingress",
        "kaniko", "logins", "pipelines", "repository", "secretStorage", "secrets", "storage",
        "terraform", "vault", "velero", "versionStream", "webhook",
    }
)  # fmt: skip
"""The first words of all settings, Jenkins X 2's and ours."""


def set_requirements(tree: Tree, settings: Mapping[str, Any]) -> Tree:
    """With settings set where they stand, or added; dotted path -> value. Invalid, with the nearest, for a setting that nobody
    knows."""
    mistakes = Mistakes()
    for at in settings:
        top = str(parse_path(at)[0])
        if top not in KNOWN:
            near = find_nearest(top, KNOWN)
            mistakes.add(FILE, f"{top} is no setting" + (f"; did you mean {near[0]}?" if near else ""))
    mistakes.check("the settings cannot be changed like this", hint=f"there are {', '.join(sorted(KNOWN))}")
    text = tree.find_text(FILE) or ""
    for at, value in settings.items():
        text = set_value(text, parse_path(at), value, FILE)
    return tree.put(FILE, text)


def read_requirements(tree: Tree, mistakes: Mistakes) -> tuple[Requirements, ApplySettings]:
    """The settings, with defaults where the file (or a key) is missing."""
    top = open_section(tree, FILE, mistakes)
    cluster, stream, apply = top.section("cluster"), top.section("versionStream"), top.section("apply")
    apply.expect_only(
        "environment",
        "namespace",
        "release",
        "maxDeletions",
        "maxDeletionShare",
        "conflicts",
        "replace",
        "protect",
        "drift",
        "apps",
        "watchdogSeconds",
    )
    secrets = top.section("secrets")
    secrets.expect_only("paths", "fields", "plain")
    approval = top.section("approval")
    approval.expect_only("required", "own")
    pipelines = top.section("pipelines")
    pipelines.expect_only("applications", "keepRuns", "keepActivities")
    url = stream.text("url")
    usual = Requirements()
    requirements = Requirements(
        cluster_name=cluster.text("clusterName"),
        provider=cluster.text("provider"),
        namespace=cluster.text("namespace", usual.namespace),
        version_stream=mistakes.attempt(lambda: parse_repo(url), None, where=FILE, line=stream.line)
        if url
        else None,
        version_stream_ref=stream.text("ref", usual.version_stream_ref),
        secret_storage=top.text("secretStorage", usual.secret_storage),
        max_deletions=apply.integer("maxDeletions", usual.max_deletions),
        max_deletion_share=apply.number("maxDeletionShare", usual.max_deletion_share, at_most=1),
        conflicts=tuple(_read_rule(item) for item in apply.items("conflicts")),
        replace=frozenset(apply.texts("replace")),
        secret_paths=secrets.texts("paths"),
        secret_fields=tuple(_read_field(item) for item in secrets.items("fields")),
        plain_fields=tuple(_read_plain(item) for item in secrets.items("plain")),
        apps=tuple(_read_place(item) for item in apply.items("apps")),
        proves_within=timedelta(
            seconds=apply.integer("watchdogSeconds", int(usual.proves_within.total_seconds()))
        ),
        logins=tuple(one for item in top.items("logins") if (one := _read_login(item, mistakes))),
        drift=apply.choice("drift", Cure, usual.drift),
        protect=frozenset(apply.texts("protect")),
        needs_approval=approval.boolean("required") if approval.has("required") else None,
        allows_own_approval=approval.boolean("own"),
        keep_runs=_read_count(pipelines, "keepRuns"),
        keep_activities=_read_count(pipelines, "keepActivities"),
        grants=tuple(_read_grant(item) for item in pipelines.items("applications")),
    )
    return requirements, ApplySettings(
        apply.text("environment"), apply.text("namespace"), apply.text("release")
    )


def _read_count(section: Section, key: str) -> int | None:
    """How many stay: at least the newest, which says how things are."""
    if not section.has(key):
        return None
    count = section.integer(key, 1)
    if count < 1:
        section.mistake(f"{key} is 1 or more: the newest stays", key)
    return max(count, 1)


def _read_grant(item: Section) -> Grant:
    """What an application's runs may have: `{name: acme/shop, account: shop-releases, secrets: [registry]}`."""
    item.expect_only("name", "account", "secrets", "claims")
    if not item.text("name"):
        item.mistake("what an application may have needs its name: owner/repository")
    account = item.text("account", Grant("").account)
    secrets, claims = (frozenset(item.texts(key)) for key in ("secrets", "claims"))
    return Grant(item.text("name"), account, secrets, claims)


def _read_field(item: Section) -> SecretField:
    """A field that may hold a secret: `{kind: Deployment, name: web, field: spec.template.metadata.annotations.key}`."""
    item.expect_only("kind", "name", "field")
    for key in ("kind", "name", "field"):
        if not item.text(key):
            item.mistake(f"a field for secrets needs {key}")
    return SecretField(item.text("kind"), item.text("name"), item.text("field"))


def _read_plain(item: Section) -> PlainField:
    """What looks like a secret and is none: `{file: env/web/values.yaml, name: siteKey}`."""
    item.expect_only("file", "name")
    for key in ("file", "name"):
        if not item.text(key):
            item.mistake(f"what may stand as text needs {key}")
    return PlainField(item.text("file"), item.text("name"))


def _read_login(item: Section, mistakes: Mistakes) -> Login | None:
    """Where a login is kept: `{url: https://charts.example.com, secret: vault:dev/logins/charts.example.com:password}`."""
    item.expect_only("url", "secret")
    url, secret = item.text("url"), item.text("secret")
    if not url or not secret:
        item.mistake("a login needs url, and secret: the reference of its password")
        return None
    return mistakes.attempt(
        lambda: Login(parse_url(url), parse_reference(secret)), None, where=FILE, line=item.line
    )


def put_login(tree: Tree, login: Login) -> Tree:
    """The files with a login named in them, once."""
    text = tree.find_text(FILE) or ""
    there = read_mapping(text, FILE).get("logins")
    entries = there if isinstance(there, list) else []
    urls = [str(one.get("url", "")).rstrip("/") if isinstance(one, dict) else "" for one in entries]
    entry = {"url": login.url, "secret": str(login.secret)}
    if login.url in urls:
        path = ("logins", urls.index(login.url), "secret")
        return tree.put(FILE, set_value(text, path, entry["secret"], FILE))
    if entries:
        return tree.put(FILE, append_item(text, ("logins",), entry, FILE))
    return tree.put(FILE, set_value(text, ("logins",), [entry], FILE))


def put_place(tree: Tree, place: AppPlace) -> Tree:
    """The files with an app's own namespace and release named in them, once."""
    text = tree.find_text(FILE) or ""
    index = _find_place(text, place.app)
    said = {"name": place.app, "namespace": place.namespace, "release": place.release}
    entry = {key: value for key, value in said.items() if value}
    if index is None:
        if not _places(text):
            return tree.put(FILE, set_value(text, ("apply", "apps"), [entry], FILE))
        return tree.put(FILE, append_item(text, ("apply", "apps"), entry, FILE))
    return tree.put(FILE, set_value(text, ("apply", "apps", index), entry, FILE))


def remove_place(tree: Tree, app: str) -> Tree:
    """The files without an app's own namespace and release."""
    text = tree.find_text(FILE)
    index = None if text is None else _find_place(text, app)
    if text is None or index is None:
        return tree
    at: tuple[str | int, ...] = ("apply", "apps", index)
    if len(_places(text)) == 1:
        at = ("apply", "apps") if len(read_mapping(text, FILE)["apply"]) > 1 else ("apply",)
    rest = remove(text, at, FILE)
    return tree.put(FILE, rest) if rest.strip() else tree.remove(FILE)


def _find_place(text: str, app: str) -> int | None:
    return next((at for at, one in enumerate(_places(text)) if _name_of(one) == app), None)


def _name_of(item: Any) -> str:
    return str(item.get("name", "")) if isinstance(item, Mapping) else ""


def _places(text: str) -> list[Any]:
    apply = read_mapping(text, FILE).get("apply")
    listed = apply.get("apps") if isinstance(apply, Mapping) else None
    return listed if isinstance(listed, list) else []


def _read_place(item: Section) -> AppPlace:
    """Where one app goes: `{name: redis, namespace: databases, release: redis}`."""
    item.expect_only("name", "namespace", "release")
    if not item.text("name") or not (item.text("namespace") or item.text("release")):
        item.mistake("an app with a place of its own needs name, and namespace or release")
    return AppPlace(item.text("name"), item.text("namespace"), item.text("release"))


def _read_rule(item: Section) -> Rule:
    """One way out of a conflict: `{kind: Deployment, name: web, field: spec.replicas, way: yield}`."""
    item.expect_only("kind", "name", "namespace", "field", "way")
    for key in ("kind", "name", "field", "way"):
        if not item.text(key):
            item.mistake(f"a way out of a conflict needs {key}")
    return Rule(
        kind=item.text("kind"),
        name=item.text("name"),
        field=item.text("field"),
        way=item.choice("way", Way, Way.SHARE),
        namespace=item.text("namespace"),
    )
