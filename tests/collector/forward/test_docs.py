"""What docs/forwarding.md shows can be used as it is."""

import re
from pathlib import Path

import yaml

from netmon_collector.config import CollectorConfig
from netmon_collector.forward import forwarder
from netmon_collector.forward.options import RemoteWriteOptions

DOCUMENT = (Path(__file__).parents[3] / "docs/forwarding.md").read_text(encoding="utf-8")


def test_the_example_is_a_configuration() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    config = CollectorConfig.model_validate(yaml.safe_load(example))
    assert [one.title for one in config.remote_write] == ["central", "127.0.0.1-8428"]


def test_every_option_is_in_the_table() -> None:
    options = {field.alias or name for name, field in RemoteWriteOptions.model_fields.items()}
    assert options <= set(re.findall(r"`(\w+)`", DOCUMENT))


def test_bounds_are_the_real_ones() -> None:
    text = " ".join(DOCUMENT.split())
    assert f"up to {forwarder.MOST_WAITING:,} samples" in text
    assert f"{forwarder._REQUEST_SAMPLES:,} samples in a request" in text
    assert f"given up {forwarder._GIVEN_UP_TOGETHER} samples" in text
