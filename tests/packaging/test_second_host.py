"""The second host of docs/install.md: real TLS, a real join token, and what the log says when one of them is wrong."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.daemons import Daemon, asked, daemon
from tests.packaging.pages import ROOT, file_of, sections, typed
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

DOCUMENT = ROOT / "docs/install.md"
PAGE = sections(DOCUMENT)
TOLD = re.findall(r"^\| `(.*?)` \|", DOCUMENT.read_text().partition("| the log says |")[2], re.MULTILINE)
"""What the page says that the log says."""

UNKNOWN_AUTHORITY = "the collector's certificate is not accepted: self-signed certificate"


@dataclass
class Hosts:
    """A collector's host and another one, as folders; the names and addresses of the page are those of loopback."""

    folder: Path
    port: int
    listen: str = "0.0.0.0"

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)

    def here(self, text: str) -> str:
        """What the page says, as it is here."""
        changes = {
            "sudo ": "",
            "/etc/netmon": str(self.folder),
            "monitor.example.net": "localhost",
            "192.0.2.10": "127.0.0.1",
            ":7441": f":{self.port}",
            "0.0.0.0": self.listen,
        }
        for there, here in changes.items():
            text = text.replace(there, here)
        return text

    def certify(self) -> None:
        """Makes the certificate."""
        (command,) = [
            one for _, block in PAGE["On the collector's machine"] for one in typed(block) if "openssl" in one
        ]
        subprocess.run(shlex.split(self.here(command)), check=True, capture_output=True, timeout=30)

    def write(self, section: str, name: str) -> Path:
        """Writes a file of the page."""
        for language, block in PAGE[section]:
            if language == "yaml" and file_of(block)[0].endswith(name):
                (self.folder / name).write_text(self.here(file_of(block)[1]))
                return self.folder / name
        raise AssertionError(f"{section} has no {name}")

    def state(self, name: str) -> str:
        return str(self.folder / "state" / name)

    def collector(self) -> Daemon:
        self.certify()
        config = self.write("On the collector's machine", "collector.yaml")
        options = ("--config", str(config), "--state", self.state("collector"), "--http", "127.0.0.1:0")
        return Daemon(self.folder / "collector.log", "collector", *options)

    def agent(self) -> tuple[str, ...]:
        """Arguments for the agent of the second host."""
        config = self.write("On the second host", "agent.yaml")
        return ("agent", "--config", str(config), "--state", self.state("agent"))

    @property
    def join_token(self) -> Path:
        return self.folder / "join-token"

    @property
    def config(self) -> Path:
        return self.folder / "agent.yaml"

    @property
    def identity(self) -> Path:
        return Path(self.state("agent")) / "identity.json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Two hosts, on the first a collector; the second one has the join token."""
    hosts = Hosts(tmp_path_factory.mktemp("hosts"), free_port())
    collector = hosts.collector()
    hosts.join_token.write_text(collector.says("join token for agents (shown this once): ") + "\n")
    yield hosts
    collector.stop()


@pytest.fixture
def hosts(running: Hosts, tmp_path: Path) -> Hosts:
    """A second host of its own, beside the collector."""
    here = Hosts(tmp_path / "here", running.port)
    for name in ("collector.pem", "join-token"):
        shutil.copy(running.folder / name, here.folder / name)
    return here


@pytest.mark.parametrize("listen", ["0.0.0.0", "[::]"])
def test_a_second_host_shows_up(tmp_path: Path, listen: str) -> None:
    if listen == "[::]" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    hosts = Hosts(tmp_path, free_port(), listen)
    collector = hosts.collector()
    try:
        token = collector.says("API token (shown this once): ")
        hosts.join_token.write_text(collector.says("join token for agents (shown this once): ") + "\n")
        url = collector.says("collector: API on ").partition(",")[0]
        with daemon(tmp_path / "agent.log", *hosts.agent()) as agent:
            agent.says("collector.connected")
            (device,) = wait_for_samples(url, token)
            assert device["agent"]["connected"]
            assert asked(url, token, "status")["devices"]["up"] == 1
    finally:
        collector.stop()


def wait_for_samples(url: str, token: str) -> list[dict[str, dict[str, object]]]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        devices: list[dict[str, dict[str, object]]] = asked(url, token, "devices")["results"]
        if devices and devices[0]["last_sample"]:
            return devices
        time.sleep(0.1)
    raise AssertionError("no device has sent anything")


def test_a_wrong_join_token_is_said(hosts: Hosts) -> None:
    hosts.join_token.write_text("nmj_wrong\n")
    assert_said(hosts, "a valid join token is needed")


def test_a_missing_authority_is_said(hosts: Hosts) -> None:
    arguments = hosts.agent()
    hosts.config.write_text(re.sub(r"tls:\n +ca_file: .*", "tls: {}", hosts.config.read_text()))
    assert_said(hosts, UNKNOWN_AUTHORITY, arguments)


def test_another_authority_is_said(hosts: Hosts) -> None:
    hosts.certify()
    assert_said(hosts, UNKNOWN_AUTHORITY)


def test_a_wrong_server_name_is_said(hosts: Hosts) -> None:
    arguments = hosts.agent()
    config = hosts.config.read_text()
    hosts.config.write_text(config.replace("ca_file:", "server_name: web.example.net\n    ca_file:"))
    assert_said(hosts, "the collector's certificate is not accepted: Hostname mismatch", arguments)


def test_an_authority_that_was_not_copied_is_said(hosts: Hosts) -> None:
    (hosts.folder / "collector.pem").unlink()
    assert_said(hosts, f"the CA file {hosts.folder}/collector.pem cannot be read", row="the CA file … cannot be read")


def test_a_forgotten_block_is_said(hosts: Hosts) -> None:
    arguments = hosts.agent()
    hosts.config.write_text("collector:\n  address: monitor.example.net:7441\n")
    message = "needs 'tls', because monitor.example.net:7441 is not on this machine"
    assert_said(hosts, message, arguments, row="needs 'tls', because … is not on this machine")


def test_a_collector_that_is_not_there_is_said(hosts: Hosts) -> None:
    hosts.port = free_port()
    assert_said(hosts, "not reachable")


def test_an_identity_of_another_host_is_said(hosts: Hosts, running: Hosts) -> None:
    arguments = hosts.agent()
    with daemon(hosts.folder / "first.log", *arguments) as agent:
        agent.says("collector.connected")
    identity = json.loads(hosts.identity.read_text())
    hosts.identity.write_text(json.dumps(identity | {"agent_key": "00" * 32}))
    assert_said(hosts, "is known with another key", arguments)


def test_every_message_of_the_page_is_tried_here() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert len(TOLD) == 7
    assert [text for text in TOLD if f'"{text}"' not in tried] == []


def assert_said(hosts: Hosts, message: str, arguments: tuple[str, ...] = (), row: str = "") -> None:
    """An agent that is started says a message, and the page has it."""
    assert (row or message) in TOLD
    with daemon(hosts.folder / "agent.log", *(arguments or hosts.agent())) as agent:
        agent.says(message)
