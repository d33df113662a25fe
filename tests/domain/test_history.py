from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jx.domain.errors import Usage
from jx.domain.history import history
from jx.domain.history.history import FileChange, HistoryEntry, Kind
from jx.domain.ledger.ledger import SOURCES
from jx.domain.names import EnvironmentName, Person, Revision
from jx.domain.texts.yaml_emitter import emit

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEV = EnvironmentName("dev")
INGRESS = "jx/networking.k8s.io/Ingress/shop.yaml"
DEPLOYMENT = "jx/apps/Deployment/shop.yaml"
CONFIG = "jx/core/ConfigMap/shop.yaml"


def ingress(host: str) -> str:
    return emit({"kind": "Ingress", "spec": {"rules": [{"host": host}]}})


def entry_by(by: str, *trailers: str) -> HistoryEntry:
    rows = "\n".join((f"Jx-Applied-By: {by}", *trailers))
    return history.read_entry(DEV, (Revision("a" * 40), Person("Ann Lee"), AT, f"A change\n\n{rows}\n"), ())


@pytest.mark.parametrize("by", ["controller", "run acme-env-dev-master-1"])
def test_what_the_platform_applied_is_the_change_of_whoever_asked_for_it(by: str) -> None:
    assert entry_by(by).kind is history.Kind.CHANGE
    assert entry_by(by, "Jx-Reason: drift is healed").kind is history.Kind.HEALED


def test_what_a_person_applied_is_by_hand() -> None:
    assert entry_by("bob").kind is history.Kind.BY_HAND


def entry(*trailers: str, files: tuple[FileChange, ...] = (), who: str = "Ann Lee") -> HistoryEntry:
    rows = "\n".join(("Jx-Applied-By: controller", *trailers))
    facts = (Revision("a" * 40), Person(who), AT, f"A change\n\n{rows}\n")
    return history.read_entry(DEV, facts, files)


def connected(*newest_first: HistoryEntry, sources: dict[str, str] | None = None) -> tuple[HistoryEntry, ...]:
    return history.connect(newest_first, emit(sources) if sources else "")


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Merge pull request #2 from edit-app-redis-1a2b3", "nothing changed in the cluster: edit-app-redis-1a2b3"),
        ("Say who answers", "nothing changed in the cluster: Say who answers"),
        ("Apply environment dev", "nothing changed in the cluster"),
    ],
)  # fmt: skip
def test_what_changed_nothing_in_the_cluster_says_what_it_was_about(subject: str, words: str) -> None:
    facts = (Revision("a" * 40), Person("Ann Lee"), AT, f"{subject}\n\nJx-Applied-By: controller\n")
    assert history.in_words(history.read_entry(DEV, facts, ())) == (words,)


def test_a_changed_field_is_told_by_what_people_call_it() -> None:
    change = entry("Jx-Chart: shop 1.0.0 sha256:1", files=(FileChange(INGRESS, ingress("a"), ingress("b")),))
    told, _ = connected(
        change, entry("Jx-Chart: shop 1.0.0 sha256:1"), sources={INGRESS: "charts/shop/templates/i.yaml"}
    )
    assert history.in_words(told) == ("ingress host of shop: a → b",)


def test_the_name_of_a_new_variable_is_told_once() -> None:
    def pod(*variables: dict[str, str]) -> str:
        container = {"name": "shop", "env": list(variables)}
        return emit({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [container]}}}})

    one, other = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}
    files = (FileChange(DEPLOYMENT, pod(other), pod(one, other)),)
    assert history.in_words(entry(files=files)) == ("env A of shop: not set → 1",)
    files = (FileChange(DEPLOYMENT, pod(one, other), pod(other)),)
    assert history.in_words(entry(files=files)) == ("env A of shop: 1 → not set",)


def test_an_upgrade_is_told_by_its_versions_and_what_it_did_to_objects() -> None:
    files = (
        FileChange(INGRESS, ingress("a"), ingress("b")),
        FileChange(CONFIG, emit({"data": {"a": "1"}}), None),
        FileChange(
            SOURCES,
            emit({INGRESS: "charts/shop/i.yaml", CONFIG: "charts/shop/c.yaml"}),
            emit({INGRESS: "charts/shop/i.yaml"}),
        ),
    )
    new, old = entry("Jx-Chart: shop 1.3.0 sha256:2", files=files), entry("Jx-Chart: shop 1.2.0 sha256:1")
    told, _ = connected(new, old, sources={INGRESS: "charts/shop/i.yaml"})
    assert history.in_words(told) == ("shop 1.2.0 → 1.3.0, 1 object changed, 1 deleted",)


def test_a_chart_under_another_key_is_that_app() -> None:
    new, old = (
        entry("Jx-Chart: redis 2.0.0 sha256:2 as cache"),
        entry("Jx-Chart: redis 1.0.0 sha256:1 as cache"),
    )
    assert connected(new, old)[0].versions == (("cache", "1.0.0", "2.0.0"),)


def test_a_rotated_secret_is_told_by_its_versions() -> None:
    new, old = entry("Jx-Secret: vault:staging/redis=3"), entry("Jx-Secret: vault:staging/redis=2")
    assert history.in_words(connected(new, old)[0]) == ("secret vault:staging/redis: version 2 → 3",)


def test_notes_between_applies_do_not_hide_the_versions_before_them() -> None:
    note = entry("Jx-Event: hold", "Jx-Reason: a freeze")
    told = connected(entry("Jx-Chart: a 2.0.0 x"), note, entry("Jx-Chart: a 1.0.0 x"))
    assert history.in_words(told[0]) == ("a 1.0.0 → 2.0.0",)
    assert (told[1].kind, history.in_words(told[1])) == (Kind.HOLD, ("a freeze",))


def test_what_a_person_applied_and_what_was_healed_are_told_apart() -> None:
    hand = history.read_entry(DEV, (Revision(""), Person("Ann"), AT, "x\n\nJx-Applied-By: ann\n"), ())
    assert [hand.kind, entry("Jx-Reason: drift is healed").kind] == [Kind.BY_HAND, Kind.HEALED]


def test_why_somebody_applied_by_hand_or_took_a_lock_is_told() -> None:
    def by_hand(*trailers: str) -> HistoryEntry:
        rows = "\n".join(("Jx-Applied-By: ann", *trailers))
        return history.read_entry(DEV, (Revision(""), Person("Ann"), AT, f"x\n\n{rows}\n"), ())

    assert history.in_words(by_hand("Jx-Reason: it is broken"))[-1] == "because: it is broken"
    taken = by_hand("Jx-Lock-Taken-From: kim@host", "Jx-Reason: she left")
    assert history.in_words(taken)[-1] == "lock taken from kim@host: she left"


def test_many_changes_are_cut_and_counted() -> None:
    files = tuple(
        FileChange(f"jx/core/ConfigMap/c{n}.yaml", emit({"data": {"k": "1"}}), emit({"data": {"k": "2"}}))
        for n in range(9)
    )
    words = history.in_words(connected(entry(files=files))[0])
    assert len(words) == 6
    assert words[-1] == "and 2 more changes, and 2 more objects"


def test_entries_are_found_by_app_person_and_object() -> None:
    change = connected(
        entry(
            "Jx-Approved-By: Bob Ray <bob@example.com>",
            "Jx-Chart: shop 1 x",
            files=(FileChange(INGRESS, None, ingress("a")),),
        ),
        sources={INGRESS: "charts/shop/templates/i.yaml"},
    )[0]
    assert history.is_about(change, app="shop", by="bob", ref=("ingress", "shop", ""))
    assert not history.is_about(change, app="blog")
    assert not history.is_about(change, by="zoe")
    assert not history.is_about(change, ref=("Ingress", "shop", "other"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2h", AT - timedelta(hours=2)),
        ("4w", AT - timedelta(weeks=4)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_in_the_past(text: str, wanted: datetime) -> None:
    assert history.parse_since(text, AT) == wanted


def test_no_moment_in_the_past_is_a_mistake_of_usage() -> None:
    with pytest.raises(Usage, match="is no time"):
        history.parse_since("yesterday", AT)
