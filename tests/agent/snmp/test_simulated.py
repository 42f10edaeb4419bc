"""snmpsim's agent answers over the network as the same capture does without one."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gufo.snmp")

from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.device import Target, poll_device
from netmon_agent.snmp.findings import Findings
from netmon_agent.snmp.memory import Memory
from netmon_agent.snmp.poll import poll
from netmon_configs.library import open_library
from tests.support.simulator import simulator

PAGE = Path(__file__).parents[3] / "docs" / "profiles.md"
SWITCH = "\n".join(
    [
        "1.3.6.1.2.1.1.1.0|4|RouterOS CRS317",
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.14988.1",
        "1.3.6.1.2.1.1.3.0|67|311373300",
        *(f"1.3.6.1.2.1.2.2.1.{column}.{port}|2|{port + column}" for column in (1, 8) for port in range(1, 131)),
        *(f"1.3.6.1.2.1.31.1.1.1.1.{port}|4|port{port}" for port in range(1, 131)),
        *(f"1.3.6.1.2.1.31.1.1.1.6.{port}|70|{2**40 + port}" for port in range(1, 131)),
        "1.3.6.1.4.1.14988.1.1.3.8.0|66|241",
    ]
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    if not Path(sys.executable).with_name("snmpsim-command-responder").exists():
        pytest.skip("needs snmpsim, of the extra dev")
    folder = tmp_path_factory.mktemp("captures")
    blocks = dict(re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    (folder / "coolbox.snmprec").write_text(blocks["snmprec"], encoding="utf-8")
    (folder / "switch.snmprec").write_text(SWITCH, encoding="utf-8")
    with simulator(folder, tmp_path_factory.mktemp("snmpsim"), "coolbox") as port:
        yield folder, port


async def polled(port: int, community: str, version: str) -> Findings:
    credential = Credential.model_validate({"version": version, "community": community})
    return await poll_device(Target("127.0.0.1", [credential], port, 60), open_library(), Memory(), now_s=0)


@pytest.mark.parametrize(("name", "version"), [("coolbox", "1"), ("coolbox", "2c"), ("switch", "2c")])
async def test_a_poll_over_the_network_finds_what_the_capture_holds(
    served: tuple[Path, int], name: str, version: str
) -> None:
    folder, port = served
    held = await poll(Capture.of(folder / f"{name}.snmprec"), open_library())
    assert await polled(port, name, version) == held
    assert len(held.readings) == (261 if name == "switch" else 1) + len(held.sensors)


async def test_version_1_has_all_but_64_bit_counters(served: tuple[Path, int]) -> None:
    folder, port = served
    held = await poll(Capture.of(folder / "switch.snmprec"), open_library())
    found = await polled(port, "switch", "1")
    assert found.readings == [one for one in held.readings if one.name != "ifHCInOctets"]
    assert len(found.readings) == len(held.readings) - 130
    assert (found.entries, found.sensors, found.troubles) == (held.entries, held.sensors, [])
