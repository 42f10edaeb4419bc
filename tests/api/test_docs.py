"""What docs/api.md shows is what happens."""

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from netmon_api.envelope import STATUS
from netmon_api.routes import LARGEST_BODY_BYTES
from netmon_api.sockets import Sockets
from netmon_api.websocket import LARGEST_MESSAGE_BYTES, MOST_SUBSCRIPTIONS
from tests.api.lab import NOW_MS, Lab, labels
from tests.api.test_following import event, happen

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = (DOCS / "api.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for page in ("api.md", "grafana.md")
    for block in re.findall(r"```sh\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
LOAD = labels("node_load1", instance="web1")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_is_answered(lab: Lab, command: str) -> None:
    await lab.keep({LOAD: 0.25})
    environment = {"NETMON": lab.url, "TOKEN": lab.token, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
    )
    out, complaints = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, complaints) == (0, b"")
    if "backup" in command:
        assert out.decode().split()[-1] == "manifest.json"
    elif "/api/v1/" in command:
        answer = orjson.loads(out)
        assert answer
        if "/export" in command:
            assert answer["values"] == [0.25]
        elif "/prometheus/" in command:
            data = answer["data"]
            assert len(data["result"] if isinstance(data, dict) else data) == 1
        elif "series" in command or "samples" in command:
            assert answer["count"] == 1


async def test_the_error_that_is_shown_is_the_one_that_comes(lab: Lab) -> None:
    shown = orjson.loads(re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)[0])
    async with lab.client.get("/api/v1/devices", params={"page_size": 500}) as response:
        answer = await response.json()
    assert answer | {"request_id": shown["request_id"]} == shown


def test_every_error_code_is_listed_with_its_status() -> None:
    assert {code: int(status) for code, status in re.findall(r"\| `(\w+)` \| (\d+) \|", DOCUMENT)} == STATUS


async def test_the_conversation_is_as_shown(lab: Lab) -> None:
    shown = re.findall(r"^([<>]) (\{.*\})$", DOCUMENT, re.MULTILINE)
    assert len(shown) > 8
    async with lab.stranger.ws_connect("/api/v1/ws") as socket:
        for direction, text in shown:
            message: dict[str, Any] = orjson.loads(text)
            if direction == ">":
                await socket.send_json(message | ({"token": lab.token} if "token" in message else {}))
                continue
            if message["type"] == "samples":
                lab.publish({LOAD: 0.25}, NOW_MS)
            if message["type"] == "events":
                happen(lab, event("linkDown"))
            assert await socket.receive_json(timeout=30) == message


def test_bounds_are_the_real_ones() -> None:
    assert f"after {Sockets().heartbeat_s * 1.5:.0f} seconds" in DOCUMENT
    assert f"a client {MOST_SUBSCRIPTIONS}\nsubscriptions" in DOCUMENT
    assert f"A message may have {LARGEST_MESSAGE_BYTES >> 10} KiB" in DOCUMENT
    assert f"a body over {LARGEST_BODY_BYTES >> 20} MiB" in DOCUMENT
