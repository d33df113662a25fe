"""Activities as people see them in a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jx.cli.activities import rows_of
from jx.domain.runs.activities import Activity, ActivityStatus


@pytest.mark.parametrize(("build", "head"), [("7", "acme/shop/main #7"), ("", "acme/shop/main")])
def test_a_run_that_somebody_started_without_a_number_has_none(build: str, head: str) -> None:
    activity = Activity("acme-shop-main", "acme/shop/main", build, ActivityStatus.SUCCEEDED)
    assert rows_of(activity, datetime.now(UTC))[0][0] == head
