"""The listener: where it listens, its certificate, and why it may not start."""

import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web

from netmon_api.serve import Server
from netmon_collector.config import HttpOptions, ServerTls
from netmon_collector.listener import CannotListen


def app() -> web.Application:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    made = web.Application()
    made.router.add_get("/", hello)
    return made


async def test_it_tells_where_it_listens() -> None:
    server = Server(app(), HttpOptions(listen="127.0.0.1:0"))
    await server.start()
    async with aiohttp.ClientSession() as client, client.get(server.url) as response:
        assert await response.text() == "hello"
    await server.stop()


async def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(CannotListen) as error:
            await Server(app(), HttpOptions(listen=address)).start()
    assert f"cannot listen for HTTP on {address}: " in str(error.value)
    assert "--http" in str(error.value)


@pytest.mark.parametrize("has_file", [True, False])
async def test_with_a_certificate_it_speaks_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_file: bool
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    (tmp_path / "key.pem").write_bytes(issued.private_key_pem.bytes())
    monkeypatch.setenv("HTTP_KEY", issued.private_key_pem.bytes().decode())
    key = {"key_file": tmp_path / "key.pem"} if has_file else {"key_env": "HTTP_KEY"}
    tls = ServerTls.model_validate({"cert_file": tmp_path / "cert.pem", **key})
    tls.cert_file.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    server = Server(app(), HttpOptions(listen="127.0.0.1:0", tls=tls))
    await server.start()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    assert server.url.startswith("https://127.0.0.1:")
    async with aiohttp.ClientSession() as client, client.get(server.url, ssl=trust) as response:
        assert await response.text() == "hello"
    await server.stop()


async def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    key_file = tmp_path / "key.pem"
    tls = ServerTls(cert_file=tmp_path / "cert.pem", key_file=key_file)
    options = HttpOptions(listen="127.0.0.1:0", tls=tls)
    with pytest.raises(CannotListen, match=r"cert\.pem cannot be read: No such file"):
        await Server(app(), options).start()
    tls.cert_file.write_text("not a certificate")
    with pytest.raises(CannotListen, match=r"key cannot be had: .*key\.pem cannot be read: No such file"):
        await Server(app(), options).start()
    key_file.write_text("not a key")
    with pytest.raises(CannotListen, match=r"cert\.pem and .*key\.pem are not a certificate and its key"):
        await Server(app(), options).start()
