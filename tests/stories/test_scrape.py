"""A page of metrics from the exporter to the collector's answer, and its end."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.daemons import daemon, eventually, samples
from tests.support.ports import free_port


class _Exporter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'# TYPE app_jobs gauge\napp_jobs{queue="a",instance="other"} 7\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing."""


def test_what_an_exporter_shows_is_stored_until_it_is_gone(tmp_path: Path) -> None:
    exporter = ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    threading.Thread(target=exporter.serve_forever, daemon=True).start()
    config = tmp_path / "agent.yaml"
    url = f"http://127.0.0.1:{exporter.server_address[1]}/metrics"
    config.write_text(f"interval: 1s\ninputs:\n  - type: scrape\n    url: {url}\n    job: app\n")
    ports = ("--http", f"127.0.0.1:{free_port()}", "--grpc", f"127.0.0.1:{free_port()}")
    words = ("up", "--state", str(tmp_path / "state"), *ports, "--agent-config", str(config))
    with daemon(tmp_path, *words) as up:
        url, token = up.says(r"API +(http\S+)")[1], up.says(r"(nmt_\S+)")[1]
        eventually(lambda: samples(url, token, 'app_jobs{job="app",queue="a",exported_instance="other"}'))
        exporter.shutdown()
        exporter.server_close()
        up.says("input.source_down")
        eventually(lambda: _last(url, token, 'up{job="app"}') == 0.0)
        assert _last(url, token, "app_jobs") is None, "a stale marker ends the series"


def _last(url: str, token: str, selector: str) -> object:
    ((*_, (_, value)),) = samples(url, token, selector).values()
    return value
