"""Debian's blackbox_exporter finds the same at the same targets."""

import asyncio
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netmon_agent.inputs.checks.base import Check
from netmon_agent.inputs.checks.channel import TlsOptions
from netmon_agent.inputs.checks.dns import DnsInput
from netmon_agent.inputs.checks.grpc import GrpcInput
from netmon_agent.inputs.checks.http import HttpInput
from netmon_agent.inputs.checks.ping import PingInput
from netmon_agent.inputs.checks.tls import TlsInput
from netmon_agent.inputs.tcp import TcpInput
from tests.agent.checks.test_grpc import health_server
from tests.agent.checks.test_http import site
from tests.agent.checks.test_ping import needs_ping
from tests.support.checks import values_of
from tests.support.peers import nginx, unbound
from tests.support.ports import free_port
from tests.support.servers import RunningServer, found
from tests.support.web import Certificates, certificates, saying, speaking

MODULES = """
modules:
  icmp4: {prober: icmp, icmp: {preferred_ip_protocol: ip4}}
  icmp6: {prober: icmp, icmp: {preferred_ip_protocol: ip6}}
  tcp: {prober: tcp, tcp: {preferred_ip_protocol: ip4}}
  banner: {prober: tcp, tcp: {preferred_ip_protocol: ip4, query_response: [{expect: "^ready"}]}}
  http: {prober: http, http: {preferred_ip_protocol: ip4, tls_config: {insecure_skip_verify: true}}}
  http_404: {prober: http, http: {preferred_ip_protocol: ip4, valid_status_codes: [404]}}
  http_body: {prober: http, http: {preferred_ip_protocol: ip4, fail_if_body_not_matches_regexp: [nothing like it]}}
  dns: {prober: dns, dns: {preferred_ip_protocol: ip4, query_name: www.example.test, query_type: A}}
  dns_soa: {prober: dns, dns: {preferred_ip_protocol: ip4, query_name: example.test, query_type: SOA}}
  dns_none: {prober: dns, dns: {preferred_ip_protocol: ip4, query_name: no.example.test, query_type: A}}
  dns_match:
    {prober: dns, dns: {preferred_ip_protocol: ip4, transport_protocol: tcp, query_type: A,
      query_name: www.example.test, validate_answer_rrs: {fail_if_none_matches_regexp: ['\\tIN\\tA\\t192.0.2.8$']}}}
  dns_no_match:
    {prober: dns, dns: {preferred_ip_protocol: ip4, query_type: A, query_name: www.example.test,
      validate_answer_rrs: {fail_if_none_matches_regexp: ['192.0.2.9']}}}
  dns_tls:
    {prober: dns, dns: {preferred_ip_protocol: ip4, transport_protocol: tcp, query_type: A,
      query_name: www.example.test, dns_over_tls: true, tls_config: {insecure_skip_verify: true}}}
  tls: {prober: tcp, tcp: {preferred_ip_protocol: ip4, tls: true, tls_config: {insecure_skip_verify: true}}}
  verified:
    {prober: tcp, tcp: {preferred_ip_protocol: ip4, tls: true, tls_config: {ca_file: CA_FILE, server_name: localhost}}}
  grpc: {prober: grpc, grpc: {preferred_ip_protocol: ip4}}
  grpc_bad: {prober: grpc, grpc: {preferred_ip_protocol: ip4, service: bad}}
  grpc_none: {prober: grpc, grpc: {preferred_ip_protocol: ip4, service: none}}
  grpc_tls: {prober: grpc, grpc: {preferred_ip_protocol: ip4, tls: true, tls_config: {insecure_skip_verify: true}}}
"""
LINE = re.compile(r"^(probe_\w+(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)
TIMED = re.compile(r"duration|lookup_time")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("blackbox"))


@pytest.fixture(scope="module")
def blackbox(own: Certificates) -> Iterator[RunningServer]:
    folder = own.ca_file.parent
    (folder / "blackbox.yml").write_text(MODULES.replace("CA_FILE", str(folder / "ca.pem")))
    port = free_port()
    program = found("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
    command = [program, f"--config.file={folder / 'blackbox.yml'}", f"--web.listen-address=127.0.0.1:{port}"]
    server = RunningServer(folder, port, command, "/-/healthy")
    server.start()
    yield server
    server.kill()


def _probe(server: RunningServer, module: str, target: str) -> dict[str, float]:
    query = urllib.parse.urlencode({"module": module, "target": target})
    with urllib.request.urlopen(f"{server.url}/probe?{query}", timeout=10) as answer:
        return {name: float(value) for name, value in LINE.findall(answer.read().decode())}


async def assert_the_same(server: RunningServer, module: str, target: str, one: Check, left_out: str) -> None:
    """All that the exporter has we have too, but for what is left out; equal where it is no time."""
    theirs = {
        name: value
        for name, value in (await asyncio.to_thread(_probe, server, module, target)).items()
        if not (left_out and re.match(left_out, name))
    }
    (ours,) = (await values_of(one)).values()
    await one.close()
    assert theirs["probe_success"] == ours["probe_success"]
    assert set(theirs) <= set(ours)
    for name, value in theirs.items():
        assert ours[name] == value or TIMED.search(name), name
        assert ours[name] < 5 or not TIMED.search(name), name


@needs_ping
@pytest.mark.parametrize(("module", "target"), [("icmp4", "127.0.0.1"), ("icmp6", "::1")])
async def test_a_ping_is_the_same(blackbox: RunningServer, module: str, target: str) -> None:
    one = PingInput(type="ping", targets=(target,), count=1)
    await assert_the_same(blackbox, module, target, one, "")


async def test_an_accepted_connection_is_the_same(blackbox: RunningServer) -> None:
    host, _, port = blackbox.url.removeprefix("http://").rpartition(":")
    one = TcpInput(type="tcp", host=host, port=int(port))
    await assert_the_same(blackbox, "tcp", f"{host}:{port}", one, "")


async def test_a_refused_connection_is_the_same(blackbox: RunningServer) -> None:
    port = free_port()
    one = TcpInput(type="tcp", host="127.0.0.1", port=port)
    await assert_the_same(blackbox, "tcp", f"127.0.0.1:{port}", one, "")


@pytest.mark.parametrize("said", [b"ready to go\r\n", b"not so\r\n"])
async def test_what_a_server_says_is_judged_the_same(blackbox: RunningServer, said: bytes) -> None:
    async with speaking(saying(said, asked=b"")) as port:
        one = TcpInput(type="tcp", host="127.0.0.1", port=port, expect="^ready")
        await assert_the_same(blackbox, "banner", f"127.0.0.1:{port}", one, "probe_(ip_|dns_)")


UNLIKE_THEM = "probe_ssl_last_chain_expiry"
"""They tell 62135596800 seconds before 1970 where nobody verifies."""
PAGES = [
    ("http", "/chunked", {}),
    ("http", "/nowhere", {}),
    ("http_404", "/nowhere", {"status": [404]}),
    ("http_body", "/chunked", {"expect_body": "nothing like it"}),
]


@pytest.mark.parametrize(("module", "path", "options"), PAGES)
async def test_a_page_is_the_same(blackbox: RunningServer, module: str, path: str, options: dict[str, Any]) -> None:
    async with site() as port:
        one = HttpInput(type="http", url=f"http://127.0.0.1:{port}{path}", **options)
        await assert_the_same(blackbox, module, one.url, one, UNLIKE_THEM)


async def test_pages_behind_tls_and_redirects_are_the_same(blackbox: RunningServer, tmp_path: Path) -> None:
    async with site(ssl_context=certificates(tmp_path).context) as port:
        lengths = "|probe_http_(content|uncompressed)"  # what is asked differs, and so does what is told of it
        for path, unlike in {"/echo": lengths, "/chunked": "", "/away": lengths, "/loop": "|probe_(?!success)"}.items():
            url = f"https://localhost:{port}{path}"
            one = HttpInput(type="http", url=url, tls=TlsOptions(verify=False), ip_version=4)
            await assert_the_same(blackbox, "http", one.url, one, UNLIKE_THEM + unlike)


QUESTIONS: dict[str, dict[str, Any]] = {
    "dns": {},
    "dns_soa": {"query": "example.test", "record": "SOA"},
    "dns_none": {"query": "no.example.test"},
    "dns_match": {"expect": ["\\tIN\\tA\\t192.0.2.8$"], "transport": "tcp"},
    "dns_no_match": {"expect": ["192.0.2.9"]},
    "dns_tls": {"transport": "tls", "tls": {"verify": False}},
}


async def test_questions_to_a_dns_server_are_the_same(blackbox: RunningServer, tmp_path: Path) -> None:
    certificates(tmp_path)
    with unbound(tmp_path) as ports:
        for module, options in QUESTIONS.items():
            port = ports[module == "dns_tls"]
            one = DnsInput(**{"type": "dns", "host": "127.0.0.1", "port": port, "query": "www.example.test"} | options)
            await assert_the_same(blackbox, module, f"127.0.0.1:{port}", one, "")


async def test_a_dns_server_that_is_not_there_is_the_same(blackbox: RunningServer) -> None:
    port = free_port()
    one = DnsInput(type="dns", host="127.0.0.1", port=port, query="www.example.test")
    await assert_the_same(blackbox, "dns", f"127.0.0.1:{port}", one, "probe_dns_(.*_rrs|duration)")


async def test_pages_by_http2_are_the_same(blackbox: RunningServer, tmp_path: Path) -> None:
    certificates(tmp_path)
    with nginx(tmp_path) as port:
        for path in ("/page", "/nowhere", "/none"):
            url = f"https://localhost:{port}{path}"
            one = HttpInput(type="http", url=url, tls=TlsOptions(verify=False), ip_version=4)
            await assert_the_same(blackbox, "http", url, one, UNLIKE_THEM)


async def test_health_of_grpc_is_the_same(blackbox: RunningServer, tmp_path: Path) -> None:
    no_tls = "probe_ssl_earliest_cert_expiry"
    with health_server() as port:
        for module, service in {"grpc": "", "grpc_bad": "bad", "grpc_none": "none"}.items():
            one = GrpcInput(type="grpc", host="127.0.0.1", port=port, service=service)
            await assert_the_same(blackbox, module, f"127.0.0.1:{port}", one, no_tls)
    one = GrpcInput(type="grpc", host="127.0.0.1", port=free_port())
    await assert_the_same(blackbox, "grpc", f"127.0.0.1:{one.port}", one, no_tls)
    certificates(tmp_path)
    with health_server(tmp_path) as port:
        one = GrpcInput(type="grpc", host="127.0.0.1", port=port, tls=TlsOptions(verify=False))
        await assert_the_same(blackbox, "grpc_tls", f"127.0.0.1:{port}", one, UNLIKE_THEM)


async def test_certificates_are_the_same(blackbox: RunningServer, own: Certificates) -> None:
    async with speaking(saying(asked=b"never"), own.context) as port:
        for module, options in (("tls", {"verify": False}), ("verified", {"ca_file": own.ca_file})):
            one = TlsInput(type="tls", host="localhost", port=port, tls=options, ip_version=4)
            left_out = "probe_failed_due_to_regex" + ("|" + UNLIKE_THEM if module == "tls" else "")
            await assert_the_same(blackbox, module, f"localhost:{port}", one, left_out)
