"""A real Prometheus for tests, and samples for it by remote write, stale markers too."""

import struct
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from netmon_proto.model import Labels
from tests.support.ports import free_port
from tests.support.servers import RunningServer, found

Points = Sequence[tuple[int, float]]
"""(Unix milliseconds, value)"""

_CONFIG = "global:\n  scrape_interval: 1h\n"
_LITERAL = 1 << 16


class RunningPrometheus(RunningServer):
    def write(self, series: Mapping[Labels, Points]) -> None:
        """Samples in the order of time; each series' first must be younger than what it has."""
        body = b"".join(_field(1, _series(labels, points)) for labels, points in series.items())
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        request = urllib.request.Request(f"{self.url}/api/v1/write", _snappy(body), headers, method="POST")
        urllib.request.urlopen(request, timeout=20).close()


def prometheus(folder: Path, *flags: str, config: str = _CONFIG, rules: str = "") -> RunningPrometheus:
    """Prometheus on a free port that takes remote writes. Skips the test where it is not installed.

    rules: the text of a rule file `rules.yml`, which stands beside the configuration.
    """
    port = free_port()
    program = found("prometheus", "prometheus")
    folder.mkdir(parents=True)
    path = folder / "prometheus.yml"
    path.write_text(config)
    (folder / "rules.yml").write_text(rules)
    command = [
        program,
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--storage.tsdb.retention.time=100y",
        *flags,
    ]
    return RunningPrometheus(folder, port, command, "/-/ready")


def _series(labels: Labels, points: Points) -> bytes:
    pairs = [_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels]
    samples = [_field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(time)) for time, value in points]
    return b"".join([*pairs, *samples])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _snappy(content: bytes) -> bytes:
    """A snappy block that holds the content as it is."""
    return b"".join([_varint(len(content)), *_literals(content)])


def _literals(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _LITERAL):
        piece = content[start : start + _LITERAL]
        yield bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
