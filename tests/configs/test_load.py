"""The wording of configuration mistakes is a promise: these are the lines that people read."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr, field_validator

from netmon_configs.load import ConfigError, load, parse
from netmon_configs.options import Address, Duration, Options, Size


class Base(Options):
    interval_s: Duration | None = Field(default=None, alias="interval", ge=1, le=3600)


class Host(Base):
    type: Literal["host"] = "host"
    families: dict[str, bool] = Field(default={})


class Tcp(Base):
    type: Literal["tcp"]
    host: str
    port: int = Field(ge=1, le=65535)


class Spool(Options):
    size_bytes: Size = Field(default=1 << 20, alias="size", ge=1 << 20)
    level: Literal["info", "debug", "error"] = "info"
    name: str = Field(default="", max_length=2)
    password: SecretStr | None = Field(default=None, min_length=8)


class Agent(Options):
    collector: Address = "127.0.0.1:7441"
    site: str = ""
    ratio: float = Field(default=0.5, gt=0, lt=1)
    enabled: bool = True
    limit: int | Duration | None = None
    spool: Spool = Spool()
    ports: dict[int, str] = Field(default={})
    inputs: list[Annotated[Host | Tcp, Field(discriminator="type")]] = Field(default=[], max_length=3)

    @field_validator("site")
    @classmethod
    def _lower(cls, value: str) -> str:
        if value != value.lower():
            raise ValueError("must be in lower case")
        return value


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "agent.yaml", Agent)
    return str(caught.value).splitlines()


def test_a_good_file_gives_its_options() -> None:
    agent = parse(
        "site: oslo\ninputs:\n  - type: host\n    interval: 1m\n  - {type: tcp, host: db1, port: 5432}\n",
        "agent.yaml",
        Agent,
    )
    assert agent.site == "oslo"
    assert [type(one) for one in agent.inputs] == [Host, Tcp]
    assert agent.inputs[0].interval_s == 60


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "null\n", "{}\n"])
def test_a_file_without_content_gives_the_defaults(text: str) -> None:
    assert parse(text, "agent.yaml", Agent) == Agent()


def test_all_mistakes_are_told_at_once_with_file_and_line() -> None:
    text = """\
collector: nowhere
spool:
  size: 12kB

inputs:
  - type: host
    intervall: 10s
  - type: tcp
    port: 99999
  - type: hots
"""
    assert mistakes(text) == [
        "agent.yaml:1: collector: must be an address such as 127.0.0.1:7440, host.example:7441 or [::1]:7440",
        "agent.yaml:3: spool.size: must be at least 1MiB (got 12kB)",
        "agent.yaml:7: inputs[0].intervall: no such option. Did you mean 'interval'?",
        "agent.yaml:8: inputs[1].host: is missing",
        "agent.yaml:9: inputs[1].port: must be at most 65535 (got 99999)",
        "agent.yaml:10: inputs[2].type: no such input 'hots'. Did you mean 'host'?",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sight: x", "sight: no such option. Did you mean 'site'?"),
        ("zzz: x", "zzz: no such option"),
        ("3: x", "3: no such option"),
        ("~: x", '["~"]: no such option'),
        ("true: x", "true: no such option"),
        ("ports: {http: x}", "ports.http: must have a whole number for its name"),
        ("spool: {name: abc}", "spool.name: must have at most 2 characters"),
        ("interval_s: 3", "interval_s: no such option"),
        ("inputs: [{type: host, interval_s: 3}]", "inputs[0].interval_s: no such option. Did you mean 'interval'?"),
        ("inputs: [{type: host, host: h}]", "inputs[0].host: no such option"),
        ("inputs: [{port: 3}]", "inputs[0].type: is missing"),
        ("inputs: [{type: zzz}]", "inputs[0].type: no such input 'zzz', only 'host', 'tcp'"),
        ("inputs: [{type: }]", "inputs[0].type: must be one of 'host', 'tcp'"),
        ("inputs: [tcp]", "inputs[0]: must be a block of options (got tcp)"),
        ("inputs: tcp", "inputs: must be a list (got tcp)"),
        ("inputs:", "inputs: must be a list (got nothing)"),
        ("inputs: {type: host}", "inputs: must be a list (got a block)"),
        (f"inputs: [{', '.join(['{type: host}'] * 4)}]", "inputs: must have at most 3 entries"),
        ("inputs: [{type: tcp, host: [a], port: 1}]", "inputs[0].host: must be text (got a list)"),
        ("inputs: [{type: tcp, host: 3, port: 1}]", "inputs[0].host: must be text (got 3; put quotes around it)"),
        ("inputs: [{type: tcp, host: h, port: x}]", "inputs[0].port: must be a whole number (got x)"),
        ("inputs: [{type: tcp, host: h, port: 1.5}]", "inputs[0].port: must be a whole number (got 1.5)"),
        ("inputs: [{type: tcp, host: h, port: 0}]", "inputs[0].port: must be at least 1 (got 0)"),
        ("inputs: [{type: host, interval: soon}]", "inputs[0].interval: must be a duration such as 30s, 5m or 1h30m"),
        ("inputs: [{type: host, interval: 100ms}]", "inputs[0].interval: must be at least 1s (got 100ms)"),
        ("inputs: [{type: host, interval: 1d}]", "inputs[0].interval: must be at most 1h (got 1d)"),
        ("inputs: [{type: host, families: {cpu: 7}}]", "inputs[0].families.cpu: must be true or false (got 7)"),
        (
            'inputs: [{type: host, families: {"a.b\\e": 7}}]',
            'inputs[0].families["a.b\\\\x1b"]: must be true or false (got 7)',
        ),
        ("ratio: 1", "ratio: must be less than 1 (got 1)"),
        ("ratio: 0.0", "ratio: must be more than 0 (got 0.0)"),
        ("ratio: much", "ratio: must be a number (got much)"),
        ("enabled: maybe", "enabled: must be true or false (got maybe)"),
        ("site: OSLO", "site: must be in lower case"),
        ("spool: {level: inof}", "spool.level: must be one of 'info', 'debug', 'error' (got inof)"),
        ("spool: {size: big}", "spool.size: must be a size such as 512MiB or 2GB"),
        ("limit: [3]", "limit: must be a whole number or a duration such as 30s, 5m or 1h30m (got a list)"),
        ("- a", "must be a block of options (got a list)"),
        ("just text", "must be a block of options (got just text)"),
        ('site: "a\\x1b[31m"\nratio: "\\e[2J"', "ratio: must be a number (got \\x1b[2J)"),
    ],
)
def test_each_mistake_has_its_words(text: str, told: str) -> None:
    line = 2 if "\n" in text else 1
    assert mistakes(text) == [f"agent.yaml:{line}: {told}"]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("hunter2", "have at least 8 characters"),
        ("[hunter2]", "be text"),
        ("{hunter2: hunter2}", "be text"),
    ],
)
def test_a_secret_is_never_shown(secret: str, words: str) -> None:
    (told,) = mistakes(f"spool:\n  password: {secret}")
    assert told == f"agent.yaml:2: spool.password: must {words}"


def test_a_misspelt_secret_is_never_shown() -> None:
    assert mistakes("spool:\n  pasword: hunter2") == [
        "agent.yaml:2: spool.pasword: no such option. Did you mean 'password'?"
    ]


def test_a_key_given_twice_is_a_mistake_beside_the_others() -> None:
    assert mistakes("site: a\nratio: 2\nsite: b\n") == [
        "agent.yaml:2: ratio: must be less than 1 (got 2)",
        "agent.yaml:3: site: is given twice, first in line 1",
    ]
    assert mistakes("site: a\nsite: a\n") == ["agent.yaml:2: site: is given twice, first in line 1"]


def test_the_line_of_what_is_missing_is_that_of_its_block() -> None:
    assert mistakes("inputs:\n\n  - type: tcp\n    host: a\n") == ["agent.yaml:3: inputs[0].port: is missing"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("site: a\n\tratio: 1", "agent.yaml:2: is indented with a tab; YAML takes only spaces"),
        ("site: a\n ratio: 1", "agent.yaml:2: not valid YAML: mapping values are not allowed here"),
        (
            "site: 'a\nratio: 1\n",
            "agent.yaml:3: not valid YAML: found unexpected end of stream, while scanning a quoted scalar in line 1",
        ),
        ("site: *nobody", "agent.yaml:1: not valid YAML: found undefined alias 'nobody'"),
        ("site: a\n---\nsite: b", "agent.yaml:2: holds a second document; only one is read"),
        ("site: a\nratio: \x01", "agent.yaml:2: has a character that may not stand in YAML (U+0001)"),
        ("[" * 2000, "agent.yaml:1: is nested too deeply"),
        ("site: &a [*a]", "agent.yaml:1: is nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_one_mistake_with_its_line(text: str, told: str) -> None:
    assert mistakes(text) == [told]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("site: !!python/object:os.system x", "site: has the YAML tag tag:yaml.org,2002:python/object:os.system"),
        ("site: !vault {a: b}", "site: has the YAML tag !vault"),
    ],
)
def test_tags_mean_nothing(text: str, told: str) -> None:
    assert mistakes(text)[0] == f"agent.yaml:1: {told}, which means nothing here"


def test_a_tag_that_its_value_does_not_keep_is_a_mistake() -> None:
    assert mistakes("ratio: !!float much")[0] == "agent.yaml:1: ratio: is not the float that its tag says"


def test_aliases_and_merge_keys_work() -> None:
    text = "inputs:\n  - &db {type: tcp, host: db1, port: 5432}\n  - <<: *db\n    host: db2\n"
    first, second = parse(text, "agent.yaml", Agent).inputs
    assert (first, second) == (Tcp(type="tcp", host="db1", port=5432), Tcp(type="tcp", host="db2", port=5432))


def test_a_mistake_in_a_merged_block_is_told_where_it_stands() -> None:
    assert mistakes("inputs:\n  - &a {type: host}\n  - <<: [*a, {intervall: 3}]\n") == [
        "agent.yaml:3: inputs[1].intervall: no such option. Did you mean 'interval'?"
    ]
    assert mistakes("<<: 3\n") == ['agent.yaml:1: ["<<"]: must be a block of options, or a list of such']


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
    )
    (told,) = mistakes(bomb)
    assert told.endswith(": holds more than 250,000 values")


@pytest.mark.parametrize("word", ["no", "on", "10:30", "2026-01-31", "1_000", "0o7x"])
def test_text_that_looks_like_text_is_text(word: str) -> None:
    assert parse(f"site: {word}", "agent.yaml", Agent).site == word


def test_numbers_are_read_as_they_look() -> None:
    assert parse("limit: 010", "agent.yaml", Agent).limit == 10
    assert parse("ports: {404: x}", "agent.yaml", Agent).ports == {404: "x"}
    assert parse("limit: 0x10", "agent.yaml", Agent).limit == 16
    assert parse("ratio: 1e-1", "agent.yaml", Agent).ratio == 0.1
    assert parse("limit: .Inf", "agent.yaml", Agent).limit == float("inf")
    assert parse("enabled: off", "agent.yaml", Agent).enabled is False


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_bytes("\ufeffsite: tromsø\n".encode())
    assert load(path, Agent).site == "tromsø"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, ": no such file"),
        (b"site: a\nratio: \xff", ":2: is not UTF-8 text (byte 0xff)"),
        (b"#" * ((1 << 20) + 1), ": is larger than 1 MiB"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "agent.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, Agent)
    assert str(caught.value) == f"{path}{told}"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder, not a file"):
        load(tmp_path, Agent)


def test_a_path_through_a_file_says_what_the_system_says(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="can't be read: Not a directory"):
        load(tmp_path / "file" / "agent.yaml", Agent)


@given(st.text(max_size=200) | st.text(alphabet="a:- \n[]{}&*!<'\"|>#,?%@`\t0.", max_size=60))
def test_any_text_gives_options_or_mistakes(text: str) -> None:
    try:
        parse(text, "agent.yaml", Agent)
        lines = ["agent.yaml"]
    except ConfigError as error:
        lines = str(error).splitlines()
    assert lines
    assert all(line.startswith("agent.yaml") for line in lines)


class Lazy(Options):
    """As a part does that imports what a block needs only when the block is there."""

    check: Options

    @field_validator("check", mode="before")
    @classmethod
    def _load(cls, value: object) -> object:
        return Tcp.model_validate(value)


def test_a_block_that_a_validator_reads_keeps_its_place_and_hides_its_values() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("check:\n  type: tcp\n  host: a\n  port: 70000\n  prt: 3\n", "agent.yaml", Lazy)
    assert str(caught.value).splitlines() == [
        "agent.yaml:4: check.port: must be at most 65535",
        "agent.yaml:5: check.prt: no such option",
    ]
