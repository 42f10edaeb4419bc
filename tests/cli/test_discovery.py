"""The commands of the page about discovery, and what they print."""

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from netmon_cli.main import run
from netmon_collector.discovery.records import RUNS
from netmon_proto.model import Found, SweepNews
from tests.api.assembly import running
from tests.api.lab import Lab

PAGE = Path(__file__).parents[2] / "docs" / "discovery.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOSTILE = "\x1b[31mred\n"


async def look(lab: Lab, number: int) -> None:
    """Is the agent that a sweep waits for: finds five switches and a printer."""
    while (sweep := lab.discovery.sweep(number)) is None:  # noqa: ASYNC110 - the command begins it in its own time
        await asyncio.sleep(0.02)
    switches = [
        Found(f"10.0.0.{at}", ("icmp", "snmp"), "00:00:0c:00:00:01", 0.001, (22,), {}, "public", {"name": f"sw{at}"})
        for at in range(1, 6)
    ]
    printer = Found("10.0.0.9", ("arp",), names={"netbios": HOSTILE})
    news = SweepNews(number * RUNS + sweep.run, 254, 254, (*switches, printer), True)
    await lab.discovery.told(sweep.plan.agent_id, news)


async def printed(capsys: pytest.CaptureFixture[str], command: str, code: int = 0) -> str:
    assert await asyncio.to_thread(run, shlex.split(command)[1:]) == code, capsys.readouterr().err
    said = capsys.readouterr()
    return said.out if code == 0 else said.err


async def test_the_commands_of_the_page_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = "".join(BLOCK.findall(PAGE.read_text())).splitlines()
    assert [one.split()[1] for one in commands] == ["discover", "discover", "sweep", "sweep"]
    async with running(tmp_path) as lab:
        monkeypatch.setenv("NETMON_URL", lab.url)
        monkeypatch.setenv("NETMON_TOKEN", lab.token)
        lab.have_agent("poller1")
        assert re.search("Nothing was sent|no network to look around in", await printed(capsys, commands[0]))
        looking = asyncio.create_task(look(lab, 1))
        found = await printed(capsys, f"{commands[1]} --poller poller1")
        await looking
        assert "6 found at 254 of 254 addresses" in found
        assert re.search(r"3  10\.0\.0\.3  sw3 .*Cisco.* icmp, snmp  22 +new", found, re.IGNORECASE)
        assert "\x1b" not in found
        assert await printed(capsys, commands[2]) == "10.0.0.3 is polled as sw3\n10.0.0.4 is polled as sw4\n"
        assert await printed(capsys, commands[3]) == "10.0.0.5 is not asked about again\n"
        again = await printed(capsys, "netmon sweep accept 5", 5)
        assert "10.0.0.5 is rejected already" in again
        shown = await printed(capsys, "netmon sweep show 1")
        assert "accepted sw3" in shown
        assert "1  done   10.0.0.0/24  poller1  254 of 254" in await printed(capsys, "netmon sweep list")
        assert '"answer": "rejected"' in await printed(capsys, "netmon sweep reject 1 --json")
        assert "sweep 1 is done" in await printed(capsys, "netmon sweep stop 1")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("10.0.0.0/33", "networks: '10.0.0.0/33' is no network: write it as 10.0.0.0/24"),
        ("10.0.0.0/8", "16,777,214 addresses are too many for one sweep: at most 65,536"),
        ("10.0.0.0/24 --follow x", "'x' is no network"),
        ("10.0.0.0/24 --poller poller1 --credential nobodys", "there is no credential 'nobodys'"),
        ("10.0.0.0/24 --poller nobody", "there is no agent 'nobody'"),
        ("10.0.0.0/24 --rate 0", "packets_per_s"),
        ("10.0.0.0/24 --accept all", "accept"),
    ],
)
async def test_what_is_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, complaint: str
) -> None:
    async with running(tmp_path) as lab:
        monkeypatch.setenv("NETMON_URL", lab.url)
        monkeypatch.setenv("NETMON_TOKEN", lab.token)
        lab.have_agent("poller1")
        assert await asyncio.to_thread(run, ["discover", *words.split()]) != 0
        assert complaint in capsys.readouterr().err
