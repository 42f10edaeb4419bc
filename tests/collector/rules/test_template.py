"""Templates of labels and annotations: what they give, what is wrong with them, what they may take."""

import pytest

from netmon_collector.rules.template.evaluate import fill
from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.parser import parse_template
from netmon_collector.rules.template.values import Given, Sample

GIVEN = Given({"instance": "web1:9100", "job": "node"}, 0.123456, {"site": "oslo"}, "http://netmon.example")
ANSWERS = {
    "up": [Sample({"instance": "b"}, 2.0), Sample({"instance": "a"}, 1.0)],
    "nothing": [],
    "many": [Sample({"name": str(number)}, float(number)) for number in range(1000)],
}


def filled(text: str) -> str:
    return fill(parse_template(text), GIVEN, lambda query: ANSWERS[query], 1_700_000_000_000)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Instance {{ $labels.instance }} down", "Instance web1:9100 down"),
        ("{{ $value }} {{ .Value }} {{ .Labels.job }} {{ $externalLabels.site }}", "0.123456 0.123456 node oslo"),
        (
            "VALUE = {{ $value }}\n  LABELS = {{ $labels }}",
            "VALUE = 0.123456\n  LABELS = map[instance:web1:9100 job:node]",
        ),
        ("[{{ $labels.missing }}]", "[]"),
        ("{{ $externalURL }} {{ externalURL }}", "http://netmon.example http://netmon.example"),
        ('{{ with query "up" }}{{ . | first | value }}{{ end }}', "2"),
        ('{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}={{ .Value }};{{ end }}', "a=1;b=2;"),
        ('{{ range query "nothing" }}x{{ else }}none{{ end }}', "none"),
        ('{{ query "up" | first | label "instance" }}', "b"),
        ("{{ range $i, $v := query `up` }}{{ $i }}{{ $v.Value }} {{ end }}", "02 11 "),
        ("{{ range $name, $text := $labels }}{{ $name }}:{{ $text }},{{ end }}", "instance:web1:9100,job:node,"),
        ('{{ range query "many" }}{{ if gt .Value 2.0 }}{{ break }}{{ end }}{{ .Value }}{{ end }}', "012"),
        ("{{ range 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "02"),
        ("a {{- /* not shown */ -}} b", "ab"),
        ("{{ if gt $value 0.1 -}} high {{- else -}} low {{- end }}", "high"),
        ('{{ if eq $labels.job "web" }}1{{ else if eq $labels.job "db" "node" }}2{{ else }}3{{ end }}', "2"),
        ('{{ if and $labels.job (not (eq $labels.job "x")) }}yes{{ end }}', "yes"),
        ('{{ or $labels.missing "nobody" }}', "nobody"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ with $x := $labels.job }}{{ $x }}{{ . }}{{ end }}", "nodenode"),
        ('{{ with $labels.missing }}a{{ else with "b" }}{{ . }}{{ end }}', "b"),
        ('{{ define "where" }}<{{ .job }}>{{ end }}{{ template "where" $labels }}', "<node>"),
        ('{{ define "n" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template "n" (args "a" 2) }}', "a-2"),
        ('{{ define "n" }}[{{ . }}]{{ end }}{{ tmpl "n" "x" | toUpper }}', "[X]"),
        ("{{ (query `up` | first).Value | printf `%.1f` }}", "2.0"),
        ('{{ index $labels "job" }} {{ len $labels }} {{ slice $labels.job 1 3 }}', "node 2 od"),
        ("{{ true }} {{ 1 }} {{ 1.5 }} {{ 0x10 }} {{ 'a' }} {{ \"\\t\" }}", "true 1 1.5 16 97 \t"),
        ("{{ print 1 2 `a` 3 }}|{{ println 1 `a` }}", "1 2a3|1 a\n"),
        (
            "{{ 1e21 }} {{ 1e-7 }} {{ 123456789.0 }} {{ 999999.5 }} {{ -2.5e-5 }}",
            "1e+21 1e-07 1.23456789e+08 999999.5 -2.5e-05",
        ),
    ],
)
def test_a_template_gives_what_go_gives(template: str, text: str) -> None:
    assert filled(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("humanize 1234567.0", "1.235M"), ("humanize 0.0012", "1.2m"), ("humanize 0.0", "0"),
        ('humanize "1024"', "1.024k"), ("humanize1024 1048576.0", "1Mi"), ("humanize1024 0.5", "0.5"),
        ("humanizeDuration 0.0", "0s"), ("humanizeDuration 0.05", "50ms"), ("humanizeDuration 59.9", "59.9s"),
        ("humanizeDuration 3661.0", "1h 1m 1s"), ("humanizeDuration 90061.0", "1d 1h 1m 1s"),
        ("humanizeDuration -61.0", "-1m 1s"), ("humanizePercentage 0.1234567", "12.35%"),
        ("humanizeTimestamp 1435065584.128", "2015-06-23 13:19:44.128 +0000 UTC"),
        ('(toTime 1435065584.0).Format "2006-01-02 15:04:05"', "2015-06-23 13:19:44"), ("(toTime 0.0).Year", "1970"),
        ("toDuration 3661.5", "1h1m1.5s"), ("now", "1.7e+09"), ('parseDuration "1h30m"', "5400"),
        ('toUpper "aa"', "AA"), ('title "aa bb_c d-e"', "Aa Bb_c D-E"), ('match "[0-9]+" "a1"', "true"),
        (r'reReplaceAll "(.*):\\d+" "${1}!$1" "web1:9100"', "web1!web1"), ('stripPort "[::1]:80"', "::1"),
        ('stripPort "web1"', "web1"), ('stripDomain "web1.example.net:80"', "web1:80"),
        ('stripDomain "10.0.0.1:80"', "10.0.0.1:80"), ('urlquery "a b&c"', "a+b%26c"), ('html "<a>"', "&lt;a&gt;"),
        ('tableLink "up == 0"', "/graph?g0.expr=up+%3D%3D+0&g0.tab=1"), ("not 0", "true"), ("safeHtml `x`", "x"),
    ],
)  # fmt: skip
def test_a_function_gives_what_prometheus_gives(template: str, text: str) -> None:
    assert filled(f"{{{{ {template} }}}}") == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('"%.2f" 1.234', "1.23"), ('"%6.1f|%-6d|%06d" 1.25 7 42', "   1.2|7     |000042"),
        ('"%s is %q" "a" "b"', 'a is "b"'),
        ('"%d" 1.5', "%!d(float64=1.5)"), ('"%d"', "%!d(MISSING)"), ('"%d" 1 2', "1%!(EXTRA int=2)"),
        ('"%v %v" 1e6 "x"', "1e+06 x"), ('"%x %X %o %b %c" 255 255 8 5 97', "ff FF 10 101 a"), ('"100%%"', "100%"),
        ('"%+d % d" 5 5', "+5  5"), ('"%t" true', "true"), ('"%5.2s|" "abc"', "   ab|"), ('"%*d" 4 7', "   7"),
        ('"%e %g" 1234.5678 0.00001', "1.234568e+03 1e-05"), ('"%T" 1.5', "float64"),
    ],
)  # fmt: skip
def test_printf_prints_what_go_prints(arguments: str, text: str) -> None:
    assert filled(f"{{{{ printf {arguments} }}}}") == text


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{{ $label.instance }}", "line 1: undefined variable '$label'. Did you mean '$labels'?"),
        ("\n{{ humanise $value }}", "line 2: function 'humanise' not defined. Did you mean 'humanize'?"),
        ("{{ if $value }}x", "line 1: {{if}} has no {{end}}"),
        ("{{ end }}", "line 1: unexpected {{end}}"),
        ("{{ $value", "line 1: unclosed action"),
        ('{{ "a }}', "line 1: unterminated quoted string"),
        ("{{ }}", "line 1: missing value for command"),
        ("{{ ( $value }}", "line 1: unclosed left paren"),
        ("{{ /* }}", "line 1: unclosed comment"),
        ("{{ break }}", "line 1: {{break}} outside {{range}}"),
        ("{{ 1 | 2 }}", "line 1: only a function may follow a |"),
        ("{{ 5x }}", "line 1: unexpected '5' in an action"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(template: str, complaint: str) -> None:
    with pytest.raises(TemplateError) as told:
        parse_template(template)
    assert str(told.value) == complaint


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{{ if gt $value 1 }}x{{ end }}", "error calling gt: incompatible types for comparison"),
        ('{{ query "nothing" | first }}', "error calling first: first() called on vector with no elements"),
        ('{{ humanize "x" }}', "humanize: can't convert string 'x' to float"),
        ("{{ toUpper $value }}", "wrong type for value of toUpper; expected string; got float64"),
        ("{{ title }}", "wrong number of args for title: want 1 got 0"),
        ("{{ .Nothing }}", "can't evaluate field Nothing in type struct"),
        ('{{ match "(" "a" }}', "bad regular expression '(': missing ): ("),
        ('{{ template "x" . }}', "template 'x' not defined"),
        ("{{ range 100000 }}x{{ end }}", "takes more than 20000 steps"),
        ('{{ range 19000 }}{{ "xxxxxxxx" }}{{ end }}', "makes more than 32768 characters"),
        (
            '{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}',
            "templates include each other too deeply",
        ),
        ('{{ printf "%9999d" 1 }}', "printf: a width or precision of more than 1000"),
        ("{{ range 1000000000 }}{{ end }}", "takes more than 20000 steps"),
        (
            '{{ $a := "xxxx" }}{{ range 60 }}{{ $a = print $a $a }}{{ end }}',
            "handles more than 4194304 characters",
        ),
        (
            "{{ $a := args 1 }}{{ range 60 }}{{ $a = args $a $a }}{{ end }}",
            "handles more than 4194304 characters",
        ),
        ("{{ $a := args 1 }}{{ range 60 }}{{ $a = args $a }}{{ end }}", "values are nested too deeply"),
        (
            '{{ $a := "xxxxxxxx" }}{{ range 9 }}{{ $a = reReplaceAll "" $a $a }}{{ end }}',
            "reReplaceAll: puts more than 1048576 characters",
        ),
        (
            '{{ $a := "%1000d" }}{{ range 12 }}{{ $a = print $a $a }}{{ end }}{{ printf $a }}',
            "printf: a form of more than 10000 characters",
        ),
        ('{{ toTime "NaN" }}', "a time is out of range"),
        ("{{ index $labels 1 }}", "error calling index: can't index item of type map[string]string"),
        ("{{ range $value }}x{{ end }}", "range can't iterate over 0.123456 of type float64"),
    ],
)
def test_what_cannot_be_filled_in_says_why(template: str, complaint: str) -> None:
    with pytest.raises(TemplateError) as told:
        filled(template)
    assert str(told.value) == complaint


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('match "^host.$" .', "true"),
        ('reReplaceAll "host" "" .', "\N{REPLACEMENT CHARACTER}"),
        ("urlquery .", "host%EF%BF%BD"),
    ],
)
def test_bytes_that_are_no_text_are_as_for_go_one_odd_letter(template: str, text: str) -> None:
    tree = parse_template(f"{{{{ with .Labels.name }}}}{{{{ {template} }}}}{{{{ end }}}}")
    assert fill(tree, Given({"name": "host\udcff"}, 0.0), lambda _: [], 0) == text


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 200,
        "{{ (" * 100,
        "{{ if 1 }}" * 100,
        "{{ " + "(" * 100 + "1",
        "x" * 70_000,
        *("{{" + piece * 6000 for piece in (' "a" ', " ", '\\"', "'", "- ", '"\\"', "/*", "`a`", "x -")),
    ],
)
def test_hostile_text_ends_with_a_complaint(text: str) -> None:
    with pytest.raises(TemplateError):
        parse_template(text)
