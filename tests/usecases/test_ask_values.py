"""What a chart's schema wants to know is asked before its app is added or upgraded; secrets go to the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.environments import CHARTS
from tests.support.proposing import World
from tests.support.worlds import recording

from jx.adapters.local.batch_prompts import BatchPrompts
from jx.adapters.local.canned_prompts import CannedPrompts
from jx.adapters.local.memory_catalog import make_chart
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import Invalid, NotFound, Usage
from jx.domain.objects.references import Scheme
from jx.domain.secrets.questions import Question
from jx.domain.texts.yaml_text import read_mapping
from jx.ports.prompts import Prompts
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.ask_values import AskValues
from jx.usecases.proposing.upgrade_apps import UpgradeApps, UpgradeAppsRequest
from jx.usecases.secrets.edit_secret import EditSecret
from jx.usecases.secrets.keep_secrets import KeepSecrets

PASSWORD = {"type": "string", "format": "password", "minLength": 8}
HOST = {"type": "string", "format": "hostname", "title": "Which host?"}


def _schema(required: list[str] | None = None, **properties: Any) -> str:
    return json.dumps({"type": "object", "properties": properties, "required": required or []})


FIRST = _schema(["host"], host=HOST, size={"type": "integer"}, password=PASSWORD)
SECOND = _schema(
    ["host", "zone"],
    host=HOST,
    size={"type": "integer"},
    password=PASSWORD,
    zone={"enum": ["a", "b"]},
    token=PASSWORD,
)


@pytest.fixture
def world() -> World:
    world = World()
    for version, schema in (("1.0.0", FIRST), ("1.1.0", SECOND)):
        files = {"values.schema.json": schema, "values.yaml": "size: 1\npassword: ''\n"}
        world.catalog.add(make_chart("db", version, files, repository=CHARTS))
    return world


def _asking(world: World, prompts: Prompts, store: MemorySecrets | None = None) -> AskValues:
    stores = {Scheme.VAULT: store} if store is not None else {}
    keep = KeepSecrets(world.catalog, EditSecret(stores, world.heard, recording()), world.heard)
    return AskValues(world.catalog, prompts, keep)


def _upgrade(world: World, ask: AskValues) -> UpgradeApps:
    return UpgradeApps(world.propose_change, world.catalog, world.heard, ask.keep_secrets, ask)


def _added(
    world: World, prompts: Prompts, store: MemorySecrets | None = None, **changes: Any
) -> Mapping[str, Any]:
    """The values of the pull request."""
    add = AddApp(world.propose_change, world.catalog, world.heard, _asking(world, prompts, store))
    pull = add(AddAppRequest(world.at, "db", **{"version": "1.0.0", **changes}))
    assert pull is not None
    text = world.tree(branch=pull.head_branch).find_text("env/db/values.yaml")
    return read_mapping(text) if text else {}


def _answers(**texts: str) -> CannedPrompts:
    return CannedPrompts(texts)


def test_answers_stand_in_git_and_secrets_in_the_store(world: World) -> None:
    store = MemorySecrets()
    values = _added(world, _answers(host="db.example", size="3", password="correct horse"), store)
    assert values == {"host": "db.example", "size": 3, "password": "vault:dev/db:password"}
    assert store.read(("dev/db",))["dev/db"].values == {"password": "correct horse"}
    assert not [message for message in world.heard.messages if "correct horse" in message]


def test_what_the_chart_brings_along_is_offered_and_not_written_again(world: World) -> None:
    assert _added(world, _answers(host="db.example"), MemorySecrets()) == {"host": "db.example"}


def test_what_is_given_is_not_asked(world: World) -> None:
    prompts = _answers()
    assert _added(world, prompts, settings=("host=here", "size=7")) == {"host": "here", "size": 7}
    assert prompts.asked == ["password"]


@pytest.mark.parametrize("text", ["<generated>", "vault:dev/other:key"])
def test_recipes_and_references_are_answers_and_need_no_store(world: World, text: str) -> None:
    assert _added(world, _answers(host="h", password=text))["password"] == text


def test_a_secret_without_a_store_is_refused_before_anything_is_proposed(world: World) -> None:
    with pytest.raises(NotFound, match="no store for vault:"):
        _added(world, _answers(host="h", password="correct horse"))
    assert not world.forge.list_pulls(world.at.repo)


class _Leaving(CannedPrompts):
    """Somebody presses Ctrl-C at a question."""

    def __init__(self, texts: Mapping[str, str], at: str) -> None:
        super().__init__(texts)
        self._at = at

    def ask(self, question: Question) -> Any:
        if question.name == self._at:
            raise KeyboardInterrupt
        return super().ask(question)


@pytest.mark.parametrize("at", ["host", "size", "password"])
def test_who_leaves_at_any_question_leaves_nothing_behind(world: World, at: str) -> None:
    store = MemorySecrets()
    answers = {"host": "db.example", "size": "3", "password": "correct horse"}
    with pytest.raises(KeyboardInterrupt):
        _added(world, _Leaving(answers, at), store)
    assert store.list_under() == ()
    assert not world.forge.list_pulls(world.at.repo)


def test_in_batch_mode_variables_answer(world: World) -> None:
    store = MemorySecrets()
    variables = {"JX_VALUE_HOST": "db.example", "JX_VALUE_PASSWORD": "correct horse"}
    values = _added(world, BatchPrompts(variables), store)
    assert values == {"host": "db.example", "password": "vault:dev/db:password"}


def test_in_batch_mode_what_is_needed_and_not_said_is_an_error_that_names_its_variable(world: World) -> None:
    with pytest.raises(Usage) as error:
        _added(world, BatchPrompts({}))
    assert error.value.message == (
        "no existing or default value in answer to question host (Which host?) and no value for $JX_VALUE_HOST"
    )
    assert not world.forge.list_pulls(world.at.repo)


def test_in_batch_mode_nothing_else_is_asked_for(world: World) -> None:
    assert _added(world, BatchPrompts({}), settings=("host=here",)) == {"host": "here"}


def test_a_secret_that_does_not_fit_is_refused_without_being_quoted(world: World) -> None:
    with pytest.raises(Invalid) as error:
        _added(world, BatchPrompts({"JX_VALUE_HOST": "h", "JX_VALUE_PASSWORD": "tiny-pw"}), MemorySecrets())
    assert "tiny-pw" not in error.value.message


def test_a_schema_that_cannot_be_read_is_told(world: World) -> None:
    world.catalog.add(make_chart("db", "1.0.0", {"values.schema.json": "{"}, repository=CHARTS))
    with pytest.raises(Invalid) as error:
        _added(world, _answers())
    assert error.value.problems[0].where == "values.schema.json of db"


def _installed(world: World) -> None:
    add = AddApp(world.propose_change, world.catalog, world.heard)
    pull = add(AddAppRequest(world.at, "db", version="1.0.0", settings=("host=here",)))
    assert pull is not None
    world.merge(pull.head_branch)


def test_an_upgrade_asks_only_what_is_new(world: World) -> None:
    _installed(world)
    prompts, store = _answers(zone="b", token="a new token"), MemorySecrets()
    upgrade = _upgrade(world, _asking(world, prompts, store))
    pull = upgrade(UpgradeAppsRequest(world.at, "db"))
    assert pull is not None
    assert prompts.asked == ["zone", "token"]
    values = read_mapping(world.tree(branch=pull.head_branch).text("env/db/values.yaml"))
    assert values == {"host": "here", "zone": "b", "token": "vault:dev/db:token"}
    assert store.read(("dev/db",))["dev/db"].values == {"token": "a new token"}


def test_asked_for_all_an_upgrade_asks_again_with_what_is_set_on_offer(world: World) -> None:
    _installed(world)
    prompts, store = _answers(zone="b", size="5"), MemorySecrets()
    upgrade = _upgrade(world, _asking(world, prompts, store))
    pull = upgrade(UpgradeAppsRequest(world.at, "db", ask_all=True))
    assert pull is not None
    assert prompts.asked == ["host", "size", "password", "zone", "token"]
    values = read_mapping(world.tree(branch=pull.head_branch).text("env/db/values.yaml"))
    assert values == {"host": "here", "size": 5, "zone": "b"}


def test_an_upgrade_without_news_asks_nothing(world: World) -> None:
    _installed(world)
    world.catalog.add(make_chart("db", "1.2.0", {"values.schema.json": FIRST}, repository=CHARTS))
    prompts = _answers()
    upgrade = _upgrade(world, _asking(world, prompts))
    assert upgrade(UpgradeAppsRequest(world.at)) is not None
    assert prompts.asked == []


def test_a_password_that_is_given_in_plain_text_goes_to_the_store_too(world: World) -> None:
    store = MemorySecrets()
    values = _added(world, BatchPrompts({}), store, settings=("host=here", "password=correct horse"))
    assert values == {"host": "here", "password": "vault:dev/db:password"}
    assert store.read(("dev/db",))["dev/db"].values == {"password": "correct horse"}


def test_nobody_is_told_to_write_a_secret_into_git(world: World) -> None:
    schema = _schema(["password"], password=PASSWORD)
    world.catalog.add(make_chart("db", "1.0.0", {"values.schema.json": schema}, repository=CHARTS))
    with pytest.raises(Usage) as error:
        _added(world, BatchPrompts({}))
    assert error.value.hint == "set JX_VALUE_PASSWORD, or --set password=vault:PATH:KEY"
