"""Why a stream cannot be had is told so that a person knows what to do."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from netmon_agent import stream as stream_module
from netmon_agent.clock import SystemClock
from netmon_agent.connection import UNHEARD_S, StreamEnded, Target, connect
from netmon_agent.spool import Spool
from netmon_agent.stream import Introduction, Stream
from netmon_collector.config import GrpcOptions, ServerTls
from netmon_proto import wire
from tests.support.collectors import HandAgent, RunningCollector, collector
from tests.support.ports import free_port


class Site:
    """A collector that other machines could reach, with a certificate for localhost."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "monitor.example")
        self.ca = authority.cert_pem.bytes()
        key, chain = folder / "key.pem", folder / "cert.pem"
        certificate.private_key_pem.write_to_path(str(key))
        for place, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(str(chain), append=place > 0)
        self.options = GrpcOptions(listen="0.0.0.0:0", tls=ServerTls(cert_file=chain, key_file=key))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
async def running(tmp_path: Path, site: Site) -> AsyncIterator[RunningCollector]:
    async with collector(tmp_path / "collector", site.options) as one:
        yield one


async def greeted(target: Target) -> str:
    """What the collector calls this agent, or why it does not."""
    hello = HandAgent("127.0.0.1:1").hello()
    try:
        async with asyncio.timeout(10), connect(target) as connection:
            await connection.send(wire.encode_agent(hello))
            welcome = wire.decode_collector(await connection.receive())
            return str(getattr(welcome, "instance", welcome))
    except StreamEnded as end:
        return str(end)


async def test_with_certificate_and_join_token_an_agent_is_welcome(running: RunningCollector, site: Site) -> None:
    token = running.tokens.issue("join")
    address = f"localhost:{running.receiver.port}"
    assert await greeted(Target(address, True, site.ca, None, token)) == "web1.example"


async def test_a_certificate_may_have_another_name_than_the_address(running: RunningCollector, site: Site) -> None:
    token = running.tokens.issue("join")
    address = f"127.0.0.1:{running.receiver.port}"
    assert await greeted(Target(address, True, site.ca, "monitor.example", token)) == "web1.example"
    assert "not valid for '127.0.0.1'" in await greeted(Target(address, True, site.ca, None, token))


async def test_the_kernel_ends_a_connection_on_which_nothing_arrives(running: RunningCollector, site: Site) -> None:
    target = Target(f"localhost:{running.receiver.port}", True, site.ca, None, running.tokens.issue("join"))
    async with connect(target) as connection:
        opened = connection.transport().get_extra_info("socket")
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNHEARD_S * 1000


@pytest.mark.parametrize("token", [None, "", "nmj_wrong", "nmt_wrong"])
async def test_without_the_join_token_nobody_joins(running: RunningCollector, site: Site, token: str | None) -> None:
    running.tokens.issue("join")
    told = await greeted(Target(f"localhost:{running.receiver.port}", True, site.ca, None, token))
    assert told == "the collector does not accept this agent: a valid join token is needed"
    assert running.fleet.devices() == []


async def test_an_api_token_is_no_join_token(running: RunningCollector, site: Site) -> None:
    token = running.tokens.issue("api")
    told = await greeted(Target(f"localhost:{running.receiver.port}", True, site.ca, None, token))
    assert "a valid join token is needed" in told


async def test_a_certificate_of_somebody_else_is_told(running: RunningCollector) -> None:
    other = trustme.CA().cert_pem.bytes()
    told = await greeted(Target(f"localhost:{running.receiver.port}", True, other, None, "nmj_x"))
    assert told.startswith("the collector's certificate is not accepted: ")


async def test_a_ca_file_without_a_certificate_is_told(running: RunningCollector) -> None:
    told = await greeted(Target(f"localhost:{running.receiver.port}", True, b"nonsense", None, "nmj_x"))
    assert told.startswith("the CA file holds no certificate that can be read")


async def test_speaking_in_the_clear_to_a_tls_port_ends_at_once(running: RunningCollector) -> None:
    assert await greeted(Target(f"127.0.0.1:{running.receiver.port}")) != "web1.example"


async def test_nobody_there_is_told() -> None:
    assert (await greeted(Target(f"127.0.0.1:{free_port()}"))).startswith("not reachable: ")


async def test_a_name_that_does_not_exist_is_told() -> None:
    assert (await greeted(Target("no-such-host.invalid:7441"))).startswith("not reachable: ")


async def test_an_agent_on_this_machine_uses_the_socket_without_a_token(tmp_path: Path, site: Site) -> None:
    async with collector(tmp_path / "collector", site.options, socket=tmp_path / "agents.sock") as running:
        assert running.receiver.local_address == f"unix:{tmp_path}/agents.sock"
        assert await greeted(Target(running.receiver.local_address)) == "web1.example"


async def test_a_web_server_is_no_collector() -> None:
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    told = await greeted(Target(f"127.0.0.1:{port}"))
    await runner.cleanup()
    assert told
    assert told != "web1.example"


async def test_a_server_that_says_nothing_is_given_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr(stream_module, "CONNECT_S", 0.3)
    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    clock = SystemClock()
    spool = Spool(tmp_path / "s", most_bytes=64 << 20, most_age_s=60, quarantine_bytes=1 << 20, clock=clock)
    who = Introduction("00000000-0000-4000-8000-00000000000a", b"k" * 32, "web1", "1.0", "Linux", 10_000)
    task = asyncio.create_task(Stream(Target(address), who, spool, clock, random.Random(1)).run())
    async with asyncio.timeout(10):
        while not caplog.records:  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await spool.close()
    server.close()
    assert vars(caplog.records[0])["fields"]["why"].startswith("no answer within")
