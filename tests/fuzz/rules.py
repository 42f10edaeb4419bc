"""Random rule files and templates: each is taken, or refused with a reason, in bounded time and memory.

    python tests/fuzz/rules.py [SECONDS [SEED]]

What a template comes to is a text within its bounds, or a complaint.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path

from netmon_collector.rules.files import parse_rules
from netmon_collector.rules.reading import waits
from netmon_collector.rules.sources import shipped_files
from netmon_collector.rules.template.evaluate import MOST_CHARACTERS, fill
from netmon_collector.rules.template.functions import FUNCTIONS
from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.parser import parse_template
from netmon_collector.rules.template.values import Given, Sample
from netmon_configs.mistakes import ConfigError
from tests.support.fuzzing import damaged, main

LONGEST_S = 5.0
GIVEN = Given({"instance": "host\udcff", "le": "+Inf", "é": "<b>", "a": "x" * 200}, float("nan"), {"site": "oslo"}, "")
FOUND = [Sample({"instance": f"host{number}", "a": "b" * (number % 50)}, number / 7) for number in range(2000)]

VALUES = [
    *"$labels $value $externalLabels $externalURL $ . .Labels .Value $labels.instance .instance $a nil true 0".split(),
    *'"" "a" "(" "(a*)*b" "$0$0$0" "%s%s" "%1000d" "%[1]v" "up" "é🦀" "100000h" "instance" "{{" `x` \'x\''.split(),
    *"7 1e300 1000000000".split(),
    '(query "up")', '(args 1 "x" $labels)', "(print $a $a)", "(len $labels)", '(query "up" | first)', "-1", "0x7f",
]  # fmt: skip
SEEDS = [
    "{{ $labels.instance }} of {{ $labels.site }}: {{ $value | humanizePercentage }}",
    '{{ with query "up" }}{{ . | first | value | humanize }}{{ end }}',
    '{{ range query "up" }}{{ .Labels.instance }} {{ .Value }}{{ else }}none{{ end }}',
    '{{ $a := "x" }}{{ range 30 }}{{ $a = print $a $a }}{{ end }}{{ $a }}',
    '{{ define "x" }}{{ . }}{{ template "x" . }}{{ end }}{{ template "x" 1 }}',
    '{{ if gt $value 1.0 }}a{{ else if eq $labels.a "b" }}b{{- end -}} {{ /* c */ }}',
    '{{ reReplaceAll "(.*):.*" "$1" $labels.instance | toUpper | title }}',
    '{{ range $i, $x := query "up" }}{{ if gt $i 3 }}{{ break }}{{ end }}{{ $x }}{{ end }}',
    '{{ printf "%-10s|%8.3f|%q" $labels.a 1.5 "x" }}{{ tmpl "x" 1 }}',
]
FILES = [text.encode() for _, text in shipped_files()] + [
    path.read_bytes() for path in sorted((Path(__file__).parents[1] / "rules").glob("*.yaml"))
]
KEYS = "groups name rules alert expr for labels limit record".split()
PIECES = [
    *(f"{key}: ".encode() for key in KEYS),
    *b"&a *a !!python/object:os.system - \n {} [] : ? | > ' \" # \t ~ 1e999 0x7fffffffffffffff 100y <<:".split(b" "),
    b"\n  - name: x\n    rules: []\n", b"{{ $value }}", b"sum(", b"[5m]", b"\xe2\x80\xa8", b"\xff",
]  # fmt: skip


def _operand(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.6:
        return rng.choice(VALUES)
    return f"({_call(rng, depth - 1)})"


def _call(rng: random.Random, depth: int) -> str:
    parts = [" ".join([rng.choice(list(FUNCTIONS)), *(_operand(rng, depth) for _ in range(rng.randrange(4)))])]
    return " | ".join(parts + [rng.choice(list(FUNCTIONS)) for _ in range(rng.randrange(2))])


def _template(rng: random.Random, depth: int) -> str:
    """A template that is right, as far as its words go."""
    inner = _template(rng, depth - 1) if depth else "x"
    match rng.randrange(6):
        case 0:
            return f"{{{{ range {_operand(rng, 1)} }}}}{inner}{{{{ end }}}}"
        case 1:
            rounds, grown = rng.choice(["9", "60", "99999"]), f"{{{{ $a = {_call(rng, 1)} }}}}"
            return f"{{{{ $a := {_operand(rng, 1)} }}}}{{{{ range {rounds} }}}}{grown}{{{{ end }}}}{inner}"
        case 2:
            return f"{{{{ with {_operand(rng, 2)} }}}}{inner}{{{{ else }}}}{inner}{{{{ end }}}}"
        case 3:
            return f"{{{{ {_call(rng, 2)} }}}}{inner}"
        case 4:
            return inner * rng.choice([1, 2, 50])
    return rng.choice(SEEDS) + inner


def template(text: bytes) -> bool:
    began_s = time.process_time()
    try:
        made = fill(parse_template(text.decode(errors="surrogateescape")), GIVEN, lambda _: FOUND, 1_769_860_800_000)
    except TemplateError as error:
        assert str(error)
        return False
    finally:
        assert time.process_time() - began_s < LONGEST_S
    assert len(made) <= MOST_CHARACTERS
    made.encode(errors="replace")
    return True


def file(text: bytes) -> bool:
    try:
        groups = parse_rules(text.decode(errors="surrogateescape"), "rules.yaml").groups
    except ConfigError as error:
        assert error.mistakes
        assert all(mistake.text for mistake in error.mistakes)
        return False
    for group in groups:
        assert len(waits(group.rules)) == len(group.rules)
    return True


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    """A rule file with damage, or a template, most with damage too."""
    if rng.random() < 0.3:
        return damaged(rng.choice(FILES), rng, PIECES), file
    text = _template(rng, rng.randrange(5)).encode(errors="replace")[:60_000]
    words = [f" {word} ".encode() for word in (*VALUES, *FUNCTIONS, "{{", "}}", "{{end}}", "range", "|", ":=", "=")]
    return (damaged(text, rng, words) if rng.random() < 0.6 else text), template


if __name__ == "__main__":
    main("rules", make)
