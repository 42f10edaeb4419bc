"""Texts of notifications: what templates see, what comes out, and what is wrong with them."""

from dataclasses import replace
from pathlib import Path

import pytest

from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.texts.library import Library, read_library, shipped, write_now
from netmon_configs.load import ConfigError
from tests.collector.alerts.channels.desk import message
from tests.collector.alerts.test_decision import alert

OURS = Library(shipped())
START_MS = 1_700_000_000_000


def two(**annotations: str) -> Message:
    """One alert that fires and one that is over."""
    first = alert(START_MS, alertname="Down", host="web1", severity="critical")
    second = alert(START_MS, resolved_at_ms=START_MS + 60_000, alertname="Down", host="<b>", severity="warning")
    alerts = (replace(first, annotations=tuple(sorted(annotations.items()))), second)
    base = message()
    return replace(base, notification=replace(base.notification, alerts=alerts))


def filled(text: str, about: Message, *, html: bool = False) -> str:
    return write_now(about, {"it": OURS.text(text, "text", html=html)})["it"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            "{{ .Status | toUpper }}:{{ .Alerts.Firing | len }}/{{ len .Alerts.Resolved }}/{{ .Alerts | len }}",
            "FIRING:1/1/2",
        ),
        ("{{ .CommonLabels.alertname }} {{ .GroupLabels.alertname }} [{{ .CommonLabels.host }}]", "Down Down []"),
        ("{{ .GroupLabels.SortedPairs.Values | join ` ` }}", "Down"),
        (
            "{{ with (index .Alerts 0).Labels.Remove .GroupLabels.Names }}{{ .Values | join `,` }}{{ end }}",
            "web1,critical",
        ),
        ("{{ range .Alerts.Firing }}{{ .Labels.SortedPairs.Names | join ` ` }}{{ end }}", "alertname host severity"),
        ("{{ (index .Alerts 1).EndsAt.Format `15:04:05 MST` }}", "22:14:20 UTC"),
        ("{{ (index .Alerts 1).StartsAt | tz `Europe/Oslo` | date `15:04 -07:00` }}", "23:13 +01:00"),
        ("{{ (index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt }}", "1m0s"),
        ("{{ since (index .Alerts 0).StartsAt | humanizeDuration }}", "30s"),
        (
            "{{ if match `^D` .CommonLabels.alertname }}{{ reReplaceAll `o(.)` `[$1]` `Down` }}{{ end }}",
            "D[w]n",
        ),
        (
            "{{ stringSlice `a` `b` | join `-` }} {{ trimSpace ` x ` }} {{ .Receiver }} {{ .ExternalURL }}",
            "a-b x ops https://netmon.example",
        ),
        ("{{ dict `a` (list 1 2) | toJson }} {{ urlUnescape `a%20b` }}", '{"a":[1,2]} a b'),
        ("{{ define `x` }}<{{ . }}>{{ end }}{{ template `x` .Status }}", "<firing>"),
    ],
)
def test_templates_see_what_alertmanagers_see(template: str, text: str) -> None:
    assert filled(template, two()) == text


def test_a_text_says_what_how_bad_since_when_and_where_to_look() -> None:
    about = two(summary="web1 cannot be reached", runbook_url="https://docs.example/down")
    text = filled('{{ template "email.default.text" . }}', about)
    assert text.splitlines() == [
        "web1 cannot be reached (critical)",
        "since 2023-11-14 22:13 UTC (30s)",
        "alertname=Down, host=web1, severity=critical",
        "Runbook: https://docs.example/down",
        "",
        "No longer:",
        "",
        "Down (warning)",
        "over at 2023-11-14 22:14 UTC, lasted 1m 0s",
        "alertname=Down, host=<b>, severity=warning",
        "",
        "https://netmon.example",
    ]


def test_the_probable_cause_stands_first_in_every_text() -> None:
    about = replace(two(), cause="core has <failed> (82%)")
    for name in ("email.default.text", "slack.default.text", "msteamsv2.default.text", "netmon.text"):
        first = filled(f'{{{{ template "{name}" . }}}}', about).splitlines()[0]
        assert first == "Probable cause: core has <failed> (82%)"
    for name in ("email.default.html", "telegram.default.message", "netmon.html"):
        page = filled(f'{{{{ template "{name}" . }}}}', about, html=True)
        assert "Probable cause: <b>core has &lt;failed&gt; (82%)</b>" in page
        assert page.index("Probable cause") < page.index("host=web1")


def test_what_a_device_says_is_text_in_html_and_never_a_script() -> None:
    about = two(summary="<script>alert(1)</script>", runbook_url="javascript:alert(1)")
    page = filled('{{ template "email.default.html" . }}', about, html=True)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'href="#unsafe"' in page
    assert "host=&lt;b&gt;" in page
    assert filled("{{ safeHtml `<b>` }}{{ .Status }}{{ `<i>` }}", about, html=True) == "<b>firing&lt;i&gt;"


def test_thousands_of_alerts_make_a_text_that_can_be_read() -> None:
    many = tuple(alert(START_MS, alertname="Down", host=f"h{number:04}") for number in range(5000))
    base = message()
    about = replace(base, notification=replace(base.notification, alerts=many))
    for name in ("email.default.text", "email.default.html", "telegram.default.message", "slack.default.text"):
        text = filled(f'{{{{ template "{name}" . }}}}', about)
        assert "fails" not in text
        assert "more" in text
        assert len(text) < 32_000


def test_a_mistake_that_shows_late_keeps_nobody_from_being_told() -> None:
    assert filled("{{ (index .Alerts 7).Status }}", two()) == (
        "[FIRING] Down (the template 'text' fails: error calling index: index out of range: 7)"
    )
    assert "can't evaluate field Alrts" in filled("{{ .Alrts }}", two())


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ toUper .Status }}", "function 'toUper' not defined. Did you mean 'toUpper'?"),
        (
            '{{ template "slack.default.txt" . }}',
            "template 'slack.default.txt' not defined. Did you mean 'slack.default.text'?",
        ),
        ("{{ $labels.x }}", "undefined variable '$labels'"),
        ("{{ query `up` }}", "function 'query' not defined"),
        ("{{ if .Status }}", "has no {{end}}"),
    ],
)
def test_what_is_no_template_is_told_at_the_start(template: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OURS.text(template, "text")
    assert words in str(caught.value)


def test_files_define_templates_anew(tmp_path: Path) -> None:
    (tmp_path / "ours.tmpl").write_text('{{ define "__subject" }}{{ template "site" . }}!{{ end }}')
    (tmp_path / "site.tmpl").write_text('{{ define "site" }}Oslo{{ end }}')
    library = read_library(["*.tmpl"], tmp_path)
    text = library.text('{{ template "email.default.subject" . }}', "text")
    assert write_now(two(), {"it": text}) == {"it": "Oslo!"}


def test_a_wrong_file_of_templates_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text('{{ define "a" }}\n{{ nosuch }}{{ end }}')
    (tmp_path / "b.tmpl").write_text('{{ define "b" }}{{ template "sight" }}{{ end }}')
    with pytest.raises(ConfigError) as caught:
        read_library(["*.tmpl"], tmp_path)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{tmp_path / 'a.tmpl'}: line 2: function 'nosuch' not defined")
    assert second.startswith(f"{tmp_path / 'b.tmpl'}: template 'sight' not defined")
