from __future__ import annotations

from jx.domain.charts import template_scan
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


def test_the_values_behind_a_draw_are_named() -> None:
    chart = Tree(
        {
            "templates/secret.yaml": Blob(
                b"data:\n"
                b"  password: {{ .Values.auth.password | default (randAlphaNum 10) | b64enc }}\n"
                b'  token: {{ include "shop.token" . | b64enc }}\n'
                b'  other: {{ include "lib.secret" (dict "providedValues" (list "global.other" "other") "context" $) }}\n'
            ),
            "templates/_helpers.tpl": Blob(
                b'{{- define "shop.token" -}}{{ default (uuidv4) .Values.token }}{{- end }}\n'
                b'{{- define "shop.name" -}}{{ .Values.name }}{{- end }}\n'
            ),
        }
    )

    def values(key: str) -> tuple[str, ...]:
        return template_scan.values_behind(chart, "templates/secret.yaml", key)

    assert values("password") == ("auth.password",)
    assert values("token") == ("token",)
    assert values("other") == ("global.other", "other")
    assert values("elsewhere") == ("auth.password",)
    assert template_scan.values_behind(chart, "templates/none.yaml", "a") == ()
