"""The same checks by two agents: what they find differs in who looked, and in nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemons import Daemon, daemon, eventually, get
from tests.support.peers import chrony, nginx, unbound
from tests.support.ports import free_port, free_udp_port
from tests.support.web import certificates

CHECKS = """
interval: 1s
inputs:
  - {{type: dns, host: 127.0.0.1, port: {dns}, query: www.example.test, expect: ['192[.]0[.]2[.]7']}}
  - {{type: ntp, host: 127.0.0.1, port: {ntp}}}
  - {{type: http, url: "https://localhost:{web}/page", tls: {{ca_file: "{folder}/ca.pem"}}}}
  - {{type: path, host: 127.0.0.1, timeout: 300ms}}
  - {{type: udp, host: 127.0.0.1, port: {silent}, send: "hello", timeout: 300ms}}
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[str]:
    """The agents' configuration."""
    certificates(tmp_path)
    with ExitStack() as running:
        dns, _ = running.enter_context(unbound(tmp_path))
        ntp, web = running.enter_context(chrony(tmp_path)), running.enter_context(nginx(tmp_path))
        yield CHECKS.format(dns=dns, ntp=ntp, web=web, silent=free_udp_port(), folder=tmp_path)


def test_two_agents_find_the_same(tmp_path: Path, servers: str) -> None:
    grpc = f"127.0.0.1:{free_port()}"
    words = ("collector", "--state", str(tmp_path / "state"), "--http", f"127.0.0.1:{free_port()}", "--grpc", grpc)
    with ExitStack() as running:
        collector: Daemon = running.enter_context(daemon(tmp_path, *words))
        url = collector.says(r"http=(\S+)")[1]
        token = collector.says(r"API token \(shown this once\): (nmt_\S+)")[1]
        for name in ("north", "south"):
            (tmp_path / f"{name}.yaml").write_text(f"hostname: {name}\n" + servers)
            options = ("--config", str(tmp_path / f"{name}.yaml"), "--state", str(tmp_path / name), "--collector", grpc)
            running.enter_context(daemon(tmp_path, "agent", *options))

        def found(query: str) -> list[dict[str, Any]]:
            answer = get(url, token, "/prometheus/api/v1/query", {"query": query})
            return list(answer["data"]["result"])

        eventually(lambda: len(found("probe_success")) == 10 or None)
        by_target = {one["metric"]["target"]: one["value"][1] for one in found("min by (target) (probe_success)")}
        assert sorted(by_target.values()) == ["0", "1", "1", "1", "1"]
        assert next(target for target, up in by_target.items() if up == "0").startswith("udp://")
        for query in (
            "probe_dns_answer_rrs",
            "probe_ntp_stratum",
            "probe_http_version",
            "probe_path_hops",
            "probe_success",
        ):
            series = [one["metric"] for one in found(query)]
            assert {one["instance"] for one in series} == {"north", "south"}
            rest = [{name: text for name, text in one.items() if name != "instance"} for one in series]
            assert all(rest.count(one) == 2 for one in rest)
