"""What the collector's configuration says of retention and models, and how mistakes in it are told."""

from dataclasses import replace
from pathlib import Path

import pytest

from netmon_cli.assembly.models import configured
from netmon_cli.failure import Failure
from netmon_collector.config import CollectorConfig
from netmon_collector.models.spec import Spec
from netmon_collector.store.base import Matcher, MatchOp
from netmon_collector.store.retention import DAY_MS, Keep, Retention, Rule
from netmon_configs.load import parse
from netmon_configs.mistakes import ConfigError

PROBES = (Matcher("job", MatchOp.EQUAL, "probe"),)


def retention(text: str) -> Retention:
    return parse(f"store: {{retention: {text}}}", "collector.yaml", CollectorConfig).store.retention.retention()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", Retention(Keep(30 * DAY_MS, 180 * DAY_MS, 1825 * DAY_MS))),
        ("7d", Retention(Keep(7 * DAY_MS, 180 * DAY_MS, 1825 * DAY_MS))),
        ("{raw: 1y}", Retention(Keep(365 * DAY_MS, 365 * DAY_MS, 1825 * DAY_MS))),
        ("{raw: 1d, 5m: 2d, 1h: 3d}", Retention(Keep(DAY_MS, 2 * DAY_MS, 3 * DAY_MS))),
        (
            "{raw: 10d, rules: [{match: '{job=\"probe\"}', raw: 200d}]}",
            Retention(
                Keep(raw_ms=10 * DAY_MS),
                (Rule(PROBES, Keep(200 * DAY_MS, 200 * DAY_MS, 1825 * DAY_MS)),),
            ),
        ),
    ],
)
def test_what_is_not_said_is_as_usual_and_no_shorter_than_samples(text: str, expected: Retention) -> None:
    assert retention(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("soon", "store.retention: must be a duration such as 30s, 5m or 1h30m"),
        ("1m", "store.retention: must be at least 1h"),
        ("{raw: 1m}", "store.retention.raw: must be at least 1h (got 1m)"),
        ("{raw: 30d, 5m: 10d}", "store.retention: '5m' must be kept no shorter than 'raw'"),
        ("{5m: 10d, 1h: 9d}", "store.retention: '1h' must be kept no shorter than '5m'"),
        ("{raws: 30d}", "store.retention.raws: no such option. Did you mean 'raw'?"),
        ("{rules: [{raw: 3d}]}", "store.retention.rules[0].match: is missing"),
        ("{rules: [{match: 7}]}", 'store.retention.rules[0].match: must be a selector, such as {job="probe"}'),
        ("{rules: [{match: 'up[5m]'}]}", "store.retention.rules[0].match: only plain selectors such as"),
        ("{rules: [{match: '{a=~\"(\"}'}]}", "store.retention.rules[0].match: illegal regex for ("),
        ("{rules: [{match: '{}'}]}", "store.retention.rules[0].match: vector selector must contain at least one"),
    ],
)
def test_mistakes_are_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        retention(text)
    assert str(caught.value).startswith(f"collector.yaml:1: {told}"), caught.value


def models(text: str) -> list[tuple[Spec, str]]:
    """What `models: define:` comes to, with keys."""
    options = parse(f"models: {{define: {text}}}", "collector.yaml", CollectorConfig).models.define
    return [(one.spec(), one.read_key()) for one in options]


def test_a_model_that_stands_in_the_configuration_is_as_one_that_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELS_KEY", "k" * 32)
    (tmp_path / "key").write_text(f"{'f' * 16}\n")
    found = models(
        "[{name: load, kind: detector, expression: node_load1},"
        " {name: sales, kind: forecaster, every: 0s, url: 'https://models.example/v1', key_env: MODELS_KEY},"
        f" {{name: shop, kind: forecaster, horizon: 1d, url: 'http://[::1]:9000', key_file: {tmp_path}/key}}]"
    )
    sent = Spec("sales", "forecaster", 'netmon_model_input{model="sales"}', 3600, 42 * 86_400, 7 * 86_400, 0)
    assert found[:2] == [
        (Spec("load", "detector", "node_load1", 60, 14 * 86_400, 0, 7 * 86_400), ""),
        (replace(sent, url="https://models.example/v1"), "k" * 32),
    ]
    assert (found[2][0].steps_ahead, found[2][1]) == (24, "f" * 16)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[{name: A, kind: detector}]", "models.define[0]: name: must be 1 to 63 lower-case letters"),
        ("[{name: a, kind: oracle}]", "models.define[0].kind: must be one of 'detector', 'forecaster' (got oracle)"),
        (
            "[{name: anomalies, kind: detector}]",
            "models.define[0]: name: 'anomalies' is the model that judges every series",
        ),
        ("[{name: a, kind: detector}, {name: a, kind: forecaster}]", "models: define: a is there more than once"),
        ("[{name: a, kind: detector, expression: 'sum('}]", "models.define[0].expression: "),
        ("[{name: a, kind: detector, horizon: 1d}]", "models.define[0]: horizon: is for forecasters"),
        ("[{name: a, kind: detector, history: 1y}]", "models.define[0]: history: must be 10 to 200,000 steps of 60 s"),
        ("[{name: a, kind: detector, step: 1s}]", "models.define[0].step: must be at least 10s"),
        ("[{name: a, kind: detector, url: models}]", "models.define[0].url: must be an address such as https://models"),
        (
            "[{name: a, kind: detector, url: 'http://m'}]",
            "models.define[0]: needs url and key_file (or key_env) together",
        ),
        ("[{name: a, kind: detector, key_env: K}]", "models.define[0]: needs url and key_file (or key_env) together"),
        ("[{name: a, kind: detector, key: secret}]", "models.define[0].key: no such option. Did you mean 'key_env'?"),
    ],
)
def test_mistakes_in_models_are_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        models(text)
    assert str(caught.value).startswith(f"collector.yaml:1: {told}"), caught.value


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, "there is no variable MODELS_KEY in the environment"),
        ("short", "MODELS_KEY must hold 16 to 200 characters"),
    ],
)
def test_a_key_that_cannot_be_had_is_told_at_the_start(
    key: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "models: {define: [{name: a, kind: detector, url: 'http://m', key_env: MODELS_KEY}]}"
    config = parse(text, "collector.yaml", CollectorConfig)
    if key is not None:
        monkeypatch.setenv("MODELS_KEY", key)
    with pytest.raises(Failure, match=f"the key for the server of the model a cannot be had: {told}"):
        configured(config.models.define)
