"""Cron schedules, and the variables of containers."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.controllers.environment import (
    MissingReference,
    environment_of,
    expand,
    quantity,
)
from jx.adapters.local.kubernetes.words.schedules import ScheduleError, parse_schedule

START = datetime(2024, 2, 27, 23, 59, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", "2024-02-28 00:00"),
        ("*/15 * * * *", "2024-02-28 00:00"),
        ("30 4 * * *", "2024-02-28 04:30"),
        ("0 0 29 2 *", "2024-02-29 00:00"),
        ("0 12 * * sun", "2024-03-03 12:00"),
        ("0 12 * * 0", "2024-03-03 12:00"),
        ("@every 90m", "2024-02-28 01:29"),
        ("0 0 1 * 4", "2024-02-29 00:00"),
        ("5-10/5 1,2 * jan-mar *", "2024-02-28 01:05"),
        ("@monthly", "2024-03-01 00:00"),
    ],
)
def test_the_next_time_of_a_schedule(text: str, expected: str) -> None:
    found = parse_schedule(text).after(START, UTC)
    assert found is not None
    assert f"{datetime.fromtimestamp(found, UTC):%Y-%m-%d %H:%M}" == expected


def test_a_day_that_never_comes_has_no_time() -> None:
    assert parse_schedule("0 0 31 2 *").after(START, UTC) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* * 0 * *",
        "a * * * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "0 12 * * 7",
        "@every 5",
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(text)


@given(minute=st.integers(0, 59), hour=st.integers(0, 23), seconds=st.integers(0, 2**31))
def test_a_daily_time_is_at_most_a_day_away_and_is_what_was_asked_for(
    minute: int, hour: int, seconds: int
) -> None:
    found = parse_schedule(f"{minute} {hour} * * *").after(seconds, UTC)
    assert found is not None
    assert 0 < found - seconds <= timedelta(days=1).total_seconds()
    moment = datetime.fromtimestamp(found, UTC)
    assert (moment.minute, moment.hour, moment.second) == (minute, hour, 0)


POD: dict[str, Any] = {
    "metadata": {"name": "web-0", "namespace": "jx", "uid": "u", "labels": {"app": "web"}},
    "spec": {"nodeName": "node", "containers": []},
}


def variables(*env: dict[str, Any], **objects: dict[str, Any]) -> dict[str, str]:
    container = {"name": "main", "env": list(env), "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}}
    return environment_of(container, POD, lambda kind, name: objects.get(f"{kind}_{name}"), ip="127.64.0.1")


def test_variables_come_from_fields_resources_and_each_other() -> None:
    fields = {"IP": "status.podIP", "NODE": "spec.nodeName", "APP": "metadata.labels['app']"}
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    env += [
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {
            "name": "MEMORY",
            "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
        },
        {"name": "URL", "value": "http://$(IP):80/$(APP)?$$(IP)=$(LATER)"},
        {"name": "LATER", "value": "x"},
    ]
    assert variables(*env) == {
        "IP": "127.64.0.1",
        "NODE": "node",
        "APP": "web",
        "CPU": "2",
        "MEMORY": "1024",
        "URL": "http://127.64.0.1:80/web?$(IP)=$(LATER)",
        "LATER": "x",
    }


def test_a_secret_is_decoded_and_a_missing_key_is_named() -> None:
    source = {"secretKeyRef": {"name": "login", "key": "password"}}
    secret = {"data": {"password": base64.b64encode(b"xyz").decode()}}
    assert variables({"name": "P", "valueFrom": source}, secret_login=secret) == {"P": "xyz"}
    with pytest.raises(MissingReference, match="couldn't find key password in Secret jx/login"):
        variables({"name": "P", "valueFrom": source}, secret_login={"data": {}})
    optional = {"secretKeyRef": {"name": "none", "key": "password", "optional": True}}
    assert variables({"name": "P", "valueFrom": optional}) == {}


@given(st.text(alphabet="$()AB", max_size=12))
def test_text_without_known_variables_only_loses_doubled_dollars(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"A": "1"}) == text


@pytest.mark.parametrize(
    ("text", "value"), [("100m", "0.1"), ("1Ki", "1024"), ("2e3", "2000"), ("1.5G", "1500000000")]
)
def test_quantities(text: str, value: str) -> None:
    assert str(quantity(text).normalize().__format__("f")) == value
