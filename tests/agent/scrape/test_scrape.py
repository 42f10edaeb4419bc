"""Scraping real and hostile targets over HTTP."""

import asyncio
import contextlib
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import trustme
from pydantic import ValidationError

from netmon_agent.columns import Columnizer
from netmon_agent.config import AgentConfig
from netmon_agent.inputs.base import Columns
from netmon_agent.inputs.scrape import ScrapeInput
from netmon_configs.options import Options
from netmon_proto.model import is_stale
from tests.support.ports import free_port
from tests.support.servers import RunningServer, found

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"


def answer(body: bytes, *headers: bytes) -> bytes:
    return OK + b"".join(one + b"\r\n" for one in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


@asynccontextmanager
async def serving(reply: Callable[[bytes], bytes | None], context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server whose answers are given byte by byte, by what was asked; None: it says nothing. Its host and port."""

    talks = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            asked = await reader.readuntil(b"\r\n\r\n")
            said = reply(asked)
            if said is None:
                await reader.read()  # until the client gives up
            writer.write(said or b"")
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*[one for one in talks if one])


def scrape(where: str, **options: object) -> ScrapeInput:
    return ScrapeInput.model_validate({"type": "scrape", "url": f"http://{where}/metrics", **options})


async def gathered(one: ScrapeInput) -> Series:
    columns = [part for part in await one.gather(1) if isinstance(part, Columns)]
    return {
        (key.name, key.labels): value for part in columns for key, value in zip(part.keys, part.values, strict=True)
    }


async def test_a_page_is_gathered_with_what_is_told_of_it() -> None:
    async with serving(lambda _: answer(b'a{x="1"} 5\nb 6\n')) as where:
        one = scrape(where)
        series = await gathered(one)
        again = await gathered(one)
    assert series.pop(("scrape_duration_seconds", ())) > 0
    assert series == {
        ("a", (("x", "1"),)): 5.0,
        ("b", ()): 6.0,
        ("up", ()): 1.0,
        ("scrape_samples_scraped", ()): 2.0,
        ("scrape_samples_post_metric_relabeling", ()): 2.0,
        ("scrape_series_added", ()): 2.0,
    }
    assert again["scrape_series_added", ()] == 0.0
    assert one.trouble is None


async def test_labels_of_the_options_go_before_those_of_the_page_unless_these_are_honoured() -> None:
    async with serving(lambda _: answer(b'a{env="page"} 5\n')) as where:
        own = await gathered(scrape(where, labels={"env": "prod"}))
        honoured = await gathered(scrape(where, labels={"env": "prod"}, honor_labels=True))
    assert own["a", (("env", "prod"), ("exported_env", "page"))] == 5.0
    assert honoured["a", (("env", "page"),)] == 5.0
    assert own["up", (("env", "prod"),)] == honoured["up", (("env", "prod"),)] == 1.0


async def test_labels_of_the_collector_are_renamed_so_that_no_other_is_lost() -> None:
    page = b"""
a{job="gateway",exported_job="one",instance="x"} 1
a{job="gateway",exported_job="two"} 2
a{exported_instance="y",env="page",exported_env="there"} 3
a{instance="y",env="page",exported_env="there"} 4
"""
    async with serving(lambda _: answer(page)) as where:
        own = await gathered(scrape(where, labels={"env": "prod"}))
        honoured = await gathered(scrape(where, labels={"env": "prod"}, honor_labels=True))
    pushed = {"exported_exported_job": "gateway", "env": "prod"}
    about_y = {"exported_instance": "y", "exported_env": "there"}
    for told, third in (
        (own, {**about_y, "env": "prod", "exported_exported_env": "page"}),
        (honoured, {**about_y, "env": "page"}),
    ):
        assert {key[1]: value for key, value in told.items() if key[0] == "a"} == {
            tuple(sorted(labels.items())): value
            for labels, value in (
                ({**pushed, "exported_job": "one", "exported_instance": "x"}, 1.0),
                ({**pushed, "exported_job": "two"}, 2.0),
                (third, 3.0),
            )
        }


async def test_series_that_vanish_and_targets_that_go_down_end() -> None:
    pages = [answer(b"a 1\nb 2\n"), answer(b"a 1\n"), b"HTTP/1.1 500 Oops\r\n\r\n"]
    async with serving(lambda _: pages.pop(0)) as where:
        one = scrape(where)
        columnizer = Columnizer(1, 1)
        names: dict[int, str] = {}
        layouts: dict[int, list[str]] = {}
        ended = []
        for _ in range(3):
            encoded = columnizer.encode(one.title, one.job_label, 1, await one.gather(1))
            names |= {series.id: series.name for series in encoded.series}
            layouts |= {layout.id: [names[number] for number in layout.series] for layout in encoded.layouts}
            ended.append(
                [
                    name
                    for gather in encoded.gathers
                    for name, value in zip(layouts[gather.layout], gather.values, strict=True)
                    if is_stale(value)
                ]
            )
    assert ended == [[], ["b"], ["a"]]
    assert one.trouble == "the answer is 500 Oops"


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "the answer is 404 Not Found"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", "the answer is 302 Found"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "what answers does not speak HTTP"),
        (b"", "0 bytes read"),
        (answer(b"a 1\n")[:-2], "the answer is cut off"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n", "0 bytes read"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "invalid literal"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", "negative size"),
        (OK + b"X: y\r\n" * 200 + b"\r\n", "more than 100 headers"),
        (OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "Separator is"),
        (answer(b"x", b"Content-Encoding: br"), "packed by 'br', not gzip"),
        (answer(b"nothing packed", b"Content-Encoding: gzip"), "incorrect header check"),
        (answer(gzip.compress(b"a 1\n" * 1000)[:-20], b"Content-Encoding: gzip"), "cut off"),
        (answer(gzip.compress(b"\n" * 10_000_000), b"Content-Encoding: gzip"), "more than 1024 bytes"),
        (answer(b"\n" * 2000), "more than 1024 bytes"),
        (answer(b"a \xff\n"), "can't decode"),
        (answer(b"<html>"), "is no sample"),
        (None, "no page within 0.3 s"),
    ],
)  # fmt: skip
async def test_a_bad_target_is_down_and_the_reason_is_told(said: bytes | None, trouble: str) -> None:
    async with serving(lambda _: said) as where:
        one = scrape(where, timeout="300ms", max_size=1024)
        series = await gathered(one)
    assert series["up", ()] == 0.0
    assert series["scrape_samples_scraped", ()] == 0.0
    assert len(series) == 5
    assert trouble in (one.trouble or "")


async def test_a_target_that_nobody_serves_is_down() -> None:
    one = scrape(f"127.0.0.1:{free_port()}")
    assert (await gathered(one))["up", ()] == 0.0
    assert "onnect" in (one.trouble or "")


async def test_pages_come_in_parts_or_packed() -> None:
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\na 1\n\r\n4\r\nb 2\n\r\n0\r\n\r\n"
    packed = answer(gzip.compress(b"a 1\nb 2\n"), b"Content-Encoding: gzip")
    for said in (chunked, packed, OK + b"\r\na 1\nb 2\n"):
        async with serving(lambda _, said=said: said) as where:  # type: ignore[misc]
            series = await gathered(scrape(where))
        assert (series["a", ()], series["b", ()]) == (1.0, 2.0)


async def test_secrets_are_sent_and_read_anew(tmp_path: Path) -> None:
    asked = []
    (tmp_path / "secret").write_text("s3cret\n")

    def reply(request: bytes) -> bytes:
        asked.append(request.decode())
        return answer(b"a 1\n")

    async with serving(reply) as where:
        basic = scrape(where, user="me", password_file=str(tmp_path / "secret"))
        bearer = scrape(where, token_file=str(tmp_path / "secret"))
        await gathered(basic)
        await gathered(bearer)
        (tmp_path / "secret").unlink()
        assert (await gathered(bearer))["up", ()] == 0.0
    assert "Authorization: Basic bWU6czNjcmV0\r\n" in asked[0]
    assert "Authorization: Bearer s3cret\r\n" in asked[1]
    assert "cannot be used" in (bearer.trouble or "")


async def test_tls_is_checked(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("exporter.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    stranger.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    async with serving(lambda _: answer(b"a 1\n"), context) as where:
        good = {"ca_file": str(tmp_path / "ca.pem"), "server_name": "exporter.example"}
        assert (await gathered(scrape("x", url=f"https://{where}/", tls=good)))["a", ()] == 1.0
        for bad in (good | {"ca_file": str(tmp_path / "other.pem")}, good | {"server_name": "other.example"}):
            one = scrape("x", url=f"https://{where}/", tls=bad)
            assert (await gathered(one))["up", ()] == 0.0
            assert "CERTIFICATE_VERIFY_FAILED" in (one.trouble or "")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"url": "ftp://x/"}, "must be an address such as"),
        ({"url": "http://user:pw@x/"}, "no user, fragment or blank"),
        ({"url": "http://x/\r\nHost: y"}, "no user, fragment or blank"),
        ({"url": "http://10.0.0.1/", "token_file": "/t"}, "needs https"),
        ({"url": "http://127.0.0.1/", "user": "me"}, "user and password_file together"),
        ({"url": "https://x/", "tls": {"cert_file": "/c"}}, "cert_file and tls.key_file together"),
        ({"url": "http://x/", "job": "node"}, "these jobs are netmon's own"),
        ({"url": "http://x/", "labels": {"a\nb": "c"}}, "must be a label's name"),
    ],
)
def test_mistakes_in_the_options_are_told(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ScrapeInput.model_validate({"type": "scrape", **options})


def test_two_targets_need_other_jobs_or_labels() -> None:
    def config(*inputs: dict[str, object]) -> Options:
        return AgentConfig.model_validate({"inputs": [{"type": "scrape", **one} for one in inputs]})

    config({"url": "http://x/"}, {"url": "http://y/", "job": "db"}, {"url": "http://z/", "labels": {"a": "b"}})
    with pytest.raises(ValidationError, match="two inputs scrape as job 'scrape' with the same labels"):
        config({"url": "http://x/"}, {"url": "http://y/"})


_PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: exporter, static_configs: [{{targets: ["{where}"]}}]}}]
"""


async def test_a_real_prometheus_reads_the_same_from_the_same_page(tmp_path: Path) -> None:
    exporter_port, port = free_port(), free_port()
    (tmp_path / "exporter").mkdir()
    command = [
        found("prometheus-node-exporter", "prometheus-node-exporter"),
        f"--web.listen-address=127.0.0.1:{exporter_port}",
    ]
    exporter = RunningServer(tmp_path / "exporter", exporter_port, command, "/metrics")
    await asyncio.to_thread(exporter.start)
    try:
        page = await asyncio.to_thread(lambda: urlopen(f"{exporter.url}/metrics").read())
    finally:
        exporter.kill()
    async with serving(lambda _: answer(page)) as where:
        ours = await gathered(scrape(where))
        (tmp_path / "prometheus.yml").write_text(_PROMETHEUS.format(where=where))
        command = [
            found("prometheus", "prometheus"),
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        prometheus = RunningServer(tmp_path, port, command, "/-/ready")
        await asyncio.to_thread(prometheus.start)
        try:
            theirs: Series = {}
            selector = '{job="exporter"}'
            query = f"{prometheus.url}/api/v1/query?query={quote(selector)}"
            async with asyncio.timeout(60):
                while not theirs:
                    await asyncio.sleep(0.3)
                    theirs = _series(await asyncio.to_thread(lambda: json.load(urlopen(query))))
        finally:
            prometheus.kill()
    for name in ("scrape_duration_seconds", "scrape_series_added"):
        ours.pop((name, ())), theirs.pop((name, ()))
    assert len(ours) > 300
    assert ours == theirs


def _series(told: dict[str, dict[str, list[dict[str, dict[str, str]]]]]) -> Series:
    series = {}
    for one in told["data"]["result"]:
        labels = {name: value for name, value in one["metric"].items() if name not in ("instance", "job")}
        name = labels.pop("__name__")
        series[name, tuple(sorted(labels.items()))] = float(list(one["value"])[1])
    return series
