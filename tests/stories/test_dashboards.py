"""Every panel of every dashboard shows something of a real agent and its collector."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.support.daemons import daemon, eventually, get, instant, netmon
from tests.support.dashboards import dashboards, expressions, filled
from tests.support.peers import chrony, nginx, unbound
from tests.support.ports import free_port
from tests.support.snmpd import snmpd
from tests.support.web import certificates

BOARDS = dashboards()
SHORT = {"__rate_interval": "10s", "instance": ".+", "target": ".+", "check": ".*", "port": ".+"}
SLOW = {"collector": "1m", "devices": "1m", "interfaces": "1m"}
"""Boards of what is not gathered every second."""
FAMILIES = {"node_pressure_": "pressure"}
"""What this machine's kernel may not have."""

MAY_BE_EMPTY = {"Restarts", "Changed paths", "Temperatures", "Fans", "Power", "Optics", "States", "Busiest processors"}
"""A host that has been up for a day has not started lately, no way changes here, and a device may have no sensors."""

PEERS = {"probe_dns_": unbound, "probe_ntp_": chrony, "probe_http_": nginx, "probe_ssl_": nginx}
"""What stands behind panels of checks, where it is installed."""
CHECKS = """
interval: 1s
inputs:
  - {{type: host}}
  - {{type: ping, targets: [127.0.0.1], count: 1}}
  - {{type: path, host: 127.0.0.1, timeout: 300ms}}
  - {{type: tcp, host: 127.0.0.1, port: {closed}}}
"""
OF_PEERS = {
    unbound: "  - {{type: dns, host: 127.0.0.1, port: {port}, query: www.example.test}}\n",
    chrony: "  - {{type: ntp, host: 127.0.0.1, port: {port}}}\n",
    nginx: '  - {{type: http, url: "https://localhost:{port}/page", tls: {{verify: false}}}}\n',
}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL and token of a collector that has samples of all that is there."""
    home = tmp_path_factory.mktemp("home")
    config = home / "agent.yaml"
    certificates(home)
    with ExitStack() as running:
        checks = CHECKS.format(closed=free_port())
        expected = ["node_load1"]
        for peer, text in OF_PEERS.items():
            with suppress(pytest.skip.Exception):
                port = running.enter_context(peer(home))
                checks += text.format(port=port[0] if isinstance(port, tuple) else port)
                expected += [f'{{__name__=~"{prefix}.*"}}' for prefix, one in PEERS.items() if one is peer]
        config.write_text(checks)
        device: int | None = None
        with suppress(pytest.skip.Exception):
            device = running.enter_context(snmpd(home / "snmpd"))
        yield from observed(home, config, device, expected)


def observed(home: Path, config: Path, device: int | None, expected: list[str]) -> Iterator[tuple[str, str]]:
    http = f"127.0.0.1:{free_port()}"
    words = ("--state", str(home / "state"), "--http", http, "--grpc", f"127.0.0.1:{free_port()}")
    with daemon(home, "up", *words, "--agent-config", str(config)) as up:
        token = up.says(r"token +(nmt_\S+)")[1]
        url = f"http://{http}"
        up.says(r"first data after")
        added = netmon(home, "check", "add", "ping", "127.0.0.2", "--interval", "1s")
        assert added.returncode == 0, added.stdout + added.stderr
        if device is not None:
            assert netmon(home, "device", "add", f"127.0.0.1:{device}", "--interval", "5s").returncode == 0
            expected.append("snmp_up == 1")
        eventually(lambda: all(_value(url, token, one) for one in expected))
        yield url, token


def _value(url: str, token: str, expression: str) -> list[object]:
    try:
        return instant(url, token, expression)
    except HTTPError as error:
        pytest.fail(f"{expression}: {error.read().decode()}")


@pytest.mark.parametrize("name", BOARDS)
def test_every_expression_finds_something(collector: tuple[str, str], name: str) -> None:
    url, token = collector
    missing = [
        family
        for family in FAMILIES.values()
        if not _value(url, token, f'node_scrape_collector_success{{collector="{family}"}} == 1')
    ]
    there = {peer for prefix, peer in PEERS.items() if _value(url, token, f'{{__name__=~"{prefix}.*"}}')}
    empty = []
    if name in ("devices", "interfaces") and not _value(url, token, "snmp_up"):
        pytest.skip("needs a device: snmpd, of the Debian package snmpd")
    variables = SHORT | ({"__rate_interval": SLOW[name]} if name in SLOW else {})
    for panel, expression in expressions(BOARDS[name]):
        asked = filled(expression, variables)
        if any(prefix in asked and family in missing for prefix, family in FAMILIES.items()):
            continue
        if any(prefix in asked and peer not in there for prefix, peer in PEERS.items()):
            continue
        if not _value(url, token, asked) and panel not in MAY_BE_EMPTY:
            empty.append((panel, asked))

    def all_find_something() -> bool:
        """A rate needs two samples, and the collector writes its own every ten seconds."""
        empty[:] = [one for one in empty if not _value(url, token, one[1])]
        return not empty

    with suppress(AssertionError):
        eventually(all_find_something, 60)
    assert empty == []


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_has_values(collector: tuple[str, str], name: str) -> None:
    url, token = collector
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert asked is not None
            times = {"start": str(time.time() - 3600), "end": str(time.time())}
            path = f"/prometheus/api/v1/label/{asked[2]}/values"
            assert len(get(url, token, path, {"match[]": asked[1], **times})["data"]) >= 1


def test_the_panels_of_a_board_are_drawn_in_one_look(collector: tuple[str, str]) -> None:
    """Ranges as Grafana asks for them when a board is opened."""
    url, token = collector
    end_s = int(time.time())
    for panel, expression in expressions(BOARDS["hosts"]):
        asked = {"query": filled(expression, SHORT), "start": f"{end_s - 60}", "end": f"{end_s}", "step": "5"}
        answer = get(url, token, "/prometheus/api/v1/query_range", asked)
        assert answer["data"]["resultType"] == "matrix", panel
