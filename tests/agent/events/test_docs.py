"""What docs/events.md shows can be used as it is."""

import re
from pathlib import Path

import yaml

from netmon_agent.config import AgentConfig
from netmon_agent.inputs.events.configuration import ConfigurationInput
from netmon_agent.inputs.events.packages import PackagesInput
from netmon_agent.inputs.events.syslog import SyslogInput
from netmon_agent.inputs.events.traps import TrapsInput
from netmon_collector.config import CollectorConfig

DOCUMENT = (Path(__file__).parents[3] / "docs/events.md").read_text(encoding="utf-8")
AGENT, PACKAGES, CONFIGURATION, COLLECTOR = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_examples_are_configurations() -> None:
    agent = AgentConfig.model_validate(yaml.safe_load(AGENT))
    assert [one.title for one in agent.inputs] == [
        "traps 0.0.0.0:162",
        "syslog udp 0.0.0.0:514",
        "syslog tls 0.0.0.0:6514",
    ]
    assert AgentConfig.model_validate(yaml.safe_load(PACKAGES)).inputs == (PackagesInput(type="packages"),)
    (configuration,) = AgentConfig.model_validate(yaml.safe_load(CONFIGURATION)).inputs
    assert isinstance(configuration, ConfigurationInput)
    assert configuration.paths[0] == Path("/etc/nginx")
    assert CollectorConfig.model_validate(yaml.safe_load(COLLECTOR)) == CollectorConfig()


def test_every_option_is_in_the_table() -> None:
    for kind in (TrapsInput, SyslogInput, ConfigurationInput):
        options = {field.alias or name for name, field in kind.model_fields.items()} - {"type"}
        assert options <= set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))


def test_the_logs_of_package_managers_are_told() -> None:
    rows = re.findall(r"^\| \w+ ?(?:\(.*\))? \| (.*) \|$", DOCUMENT, re.MULTILINE)
    logs = {Path(log) for row in rows for log in re.findall(r"`(/var/log/\S+)`", row)}
    assert logs == set(PackagesInput(type="packages").logs)
