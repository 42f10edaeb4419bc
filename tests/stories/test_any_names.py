"""Metrics and labels with names that are no words, through all that has to do with names: from an exporter to a second
collector and back, over a restart, out of the store and into another one."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from netmon_proto.names import quoted
from tests.stories.test_first_light import addresses
from tests.support.daemons import daemon, eventually, get, instant, netmon, samples

ODD = ("http.requests", 'größe "x" {\\}, a=b', "メモリ")
LABEL = "http.method/é"
FEDERATED = "/prometheus/federate?match[]=" + quote('{job="app"}')
SELECTORS = [f'{{{quoted(name)},{quoted(LABEL)}="get",job="app"}}' for name in ODD]


class _Exporter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert "text/plain;version=1.0.0;escaping=allow-utf-8" in self.headers["Accept"]
        lines = [f'# TYPE {quoted(name)} gauge\n{{{quoted(name)},{quoted(LABEL)}="get"}} 7\n' for name in ODD]
        body = "".join([*lines, 'plain{"a b"="c"} 8\n']).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing."""


@pytest.fixture
def page() -> Iterator[str]:
    exporter = ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    threading.Thread(target=exporter.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{exporter.server_address[1]}/metrics"
    exporter.shutdown()
    exporter.server_close()


def test_any_name_goes_the_whole_way(tmp_path: Path, page: str) -> None:
    far_words = addresses()
    far_url = f"http://{far_words[1]}"
    with daemon(tmp_path / "far", "collector", "--state", str(tmp_path / "far" / "state"), *far_words) as far:
        far_token = far.says(r"(nmt_\S+)")[1]
        far.says("collector.started")
        (tmp_path / "token").write_text(far_token)
        collector, agent = tmp_path / "collector.yaml", tmp_path / "agent.yaml"
        collector.write_text(
            f"remote_write:\n  - url: {far_url}/prometheus/api/v1/write\n    token_file: {tmp_path / 'token'}\n"
            '    match: [\'{job="app"}\']\n    labels: {"sent.on": "yes"}\n'
        )
        agent.write_text(
            f"interval: 1s\ninputs:\n  - type: scrape\n    url: {page}\n    job: app\n"
            f"  - type: scrape\n    url: {far_url}{FEDERATED}\n    job: back\n    token_file: {tmp_path / 'token'}\n"
        )
        words = ("--collector-config", str(collector), "--agent-config", str(agent))
        up = ("up", "--state", str(tmp_path / "state"), *addresses(), *words)
        with daemon(tmp_path, *up) as near:
            url, token = near.says(r"API +(http\S+)")[1], near.says(r"(nmt_\S+)")[1]
            for selector in SELECTORS:
                eventually(partial(instant, url, token, selector))
                eventually(partial(instant, far_url, far_token, selector))
                back = selector.replace('job="app"', 'exported_job="app","sent.on"="yes",job="back"')
                eventually(partial(instant, url, token, back))
            assert_told(url, token, tmp_path)
            old_page = asked_for(far_url, far_token)
            assert "U__" not in old_page
            assert 'http_requests{http_method__="get"' in old_page, "who says nothing of names gets words"
            assert near.stop() == 0
        assert_carried(tmp_path)
        with daemon(tmp_path, *up) as near:
            near.says(r"API +(http\S+)")
            ((_, points),) = samples(url, token, SELECTORS[0]).items()
            assert len(points) > 1, "what was there before the restart"


def assert_told(url: str, token: str, home: Path) -> None:
    """The names come out as they are, wherever names are told."""
    assert instant(url, token, 'count by ("a b") ({__name__="plain",job="app"})')[0]["metric"] == {"a b": "c"}
    ratio = f"sum by ({quoted(LABEL)}) (rate({SELECTORS[0]}[5m])) or on () {SELECTORS[1]}"
    assert instant(url, token, ratio)
    labels = get(url, token, "/prometheus/api/v1/labels")["data"]
    assert {LABEL, "a b", "sent.on"} <= set(labels)
    names = get(url, token, "/prometheus/api/v1/label/__name__/values")["data"]
    assert set(ODD) <= set(names)
    for name in ("U__http_2e_method_2f__e9_", quote(LABEL, safe="")):
        assert get(url, token, f"/prometheus/api/v1/label/{name}/values")["data"] == ["get"]
    found = get(url, token, "/prometheus/api/v1/series", {"match[]": SELECTORS[1]})["data"]
    assert [one["__name__"] for one in found] == [ODD[1]]
    for selector, name in zip(SELECTORS, ODD, strict=True):
        shown = netmon(home, "query", selector)
        assert f'{{{quoted(name)},{quoted(LABEL)}="get"' in shown.stdout
        assert json.loads(netmon(home, "query", selector, "--json").stdout)["data"]["result"]
        head, row = netmon(home, "query", selector, "--csv").stdout.splitlines()
        assert LABEL in head
        assert row.endswith(",7")


def asked_for(url: str, token: str) -> str:
    """The page of federation for a scraper that says nothing of names."""
    with urlopen(Request(url + FEDERATED, headers={"Authorization": f"Bearer {token}"}), timeout=10) as response:
        return str(response.read().decode())


def assert_carried(home: Path) -> None:
    """The store of a collector goes out and comes back with all its names."""
    store = f"embedded:{home / 'state' / 'collector' / 'store'}"
    for ending in ("om", "parquet"):
        out, into = str(home / f"out.{ending}"), f"embedded:{home / ending}"
        assert netmon(home, "store", "export", store, out, "--match", SELECTORS[1]).returncode == 0
        assert netmon(home, "store", "import", out, into).returncode == 0
        again = str(home / f"again.{ending}")
        assert netmon(home, "store", "export", into, again).returncode == 0
        assert Path(again).read_bytes() == Path(out).read_bytes()
