from __future__ import annotations

from jx.domain import template_scan
from jx.domain.trees import Blob, Tree


def chart(text: str) -> Tree:
    return Tree({"templates/a.yaml": Blob(text.encode())})


def test_templates_that_draw_or_read_the_clock_are_known() -> None:
    assert template_scan.mentions_random([chart("p: {{ randAlphaNum 8 | quote }}")])
    assert template_scan.mentions_random([chart('{{- $ca := genCA "x" 365 }}')])
    assert template_scan.mentions_random([chart('at: {{ now | date "2006" }}')])
    assert not template_scan.mentions_random([chart("# as it is now: {{ .Values.randomness }}")])
    assert template_scan.mentions_random([Tree({"charts/common-1.0.0.tgz": Blob(b"packed")})])


def test_only_the_clock_is_set_to_another_day() -> None:
    def another(text: str) -> str:
        return template_scan.on_another_day(text.encode()).decode()

    assert another("{{ now | date }}") == '{{ (toDate "2006-01-02" "2001-02-03") | date }}'
    assert another("{{ date (now) }}") == '{{ date ((toDate "2006-01-02" "2001-02-03")) }}'
    same = 'do it now {{ "now" }} {{ .Values.now }} {{ $now }} {{ `now` }} {{ nowhere }}'
    assert another(same) == same
