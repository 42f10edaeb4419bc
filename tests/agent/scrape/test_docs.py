"""What docs/scrape.md shows can be used as it is."""

import re
from pathlib import Path

import yaml

from netmon_agent.config import AgentConfig
from netmon_agent.inputs.scrape import ScrapeInput

DOCUMENT = (Path(__file__).parents[3] / "docs/scrape.md").read_text(encoding="utf-8")


def test_the_example_is_a_configuration() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    config = AgentConfig.model_validate(yaml.safe_load(example))
    assert [one.title for one in config.inputs][1:] == [
        "scrape mysql http://127.0.0.1:9104/metrics",
        "scrape rabbitmq https://broker.example:9419/metrics",
    ]


def test_every_option_is_in_the_table() -> None:
    options = {field.alias or name for name, field in ScrapeInput.model_fields.items()} - {"type"}
    assert options <= set(re.findall(r"`(\w+)`", DOCUMENT))
