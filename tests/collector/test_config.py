"""What the collector's configuration says of retention, and how mistakes in it are told."""

import pytest

from netmon_collector.config import CollectorConfig
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
