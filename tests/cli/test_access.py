"""Where URL and token come from, and where the token never goes."""

import json
import os
import ssl
import stat
from pathlib import Path

import pytest
import trustme

from netmon_cli.access import find_access, save_access, saved_path
from netmon_cli.failure import Failure
from tests.cli.conftest import Netmon
from tests.cli.fake_collector import TOKEN, FakeCollector, serving


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_without_anything_said_this_machine_is_asked(home: dict[str, str]) -> None:
    access = find_access(None, None, home)
    assert (access.url, access.token) == ("http://127.0.0.1:7440", None)


def test_options_go_before_the_environment_and_that_before_what_was_saved(home: dict[str, str], tmp_path: Path) -> None:
    save_access("http://127.0.0.1:1", "saved", home)
    said = home | {"NETMON_URL": "http://127.0.0.1:2/", "NETMON_TOKEN": "from-environment"}
    file = written(tmp_path / "token", " from-file\n")
    assert find_access(None, None, home).url == "http://127.0.0.1:1"
    assert find_access(None, None, home).token == "saved"
    assert find_access(None, None, said).url == "http://127.0.0.1:2"
    assert find_access(None, None, said).token == "from-environment"
    assert find_access("http://127.0.0.1:3", file, said).url == "http://127.0.0.1:3"
    assert find_access("http://127.0.0.1:3", file, said).token == "from-file"
    assert find_access(None, None, home | {"NETMON_TOKEN_FILE": str(file)}).token == "from-file"


def test_a_saved_token_goes_to_no_other_collector(home: dict[str, str]) -> None:
    save_access("http://127.0.0.1:1", "saved", home)
    assert find_access("http://127.0.0.1:9", None, home).token is None
    assert find_access("http://127.0.0.1:1/", None, home).token == "saved"


def test_the_saved_file_is_its_owners_alone(home: dict[str, str]) -> None:
    before = os.umask(0)
    try:
        path = save_access("http://127.0.0.1:1", "saved", home)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_home_is_used_where_xdg_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert saved_path({}) == Path("/home/somebody/.config/netmon/client.yaml")


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:7440",
        "ftp://h",
        "file:///etc/passwd",
        "http://",
        "http://h:99999",
        "http://h:0",
        "http://h/ x",
        "http://ü",
    ],
)
def test_what_is_no_url_is_refused(url: str, home: dict[str, str]) -> None:
    with pytest.raises(Failure, match="is not the URL of a collector"):
        find_access(url, None, home)


@pytest.mark.parametrize("url", ["http://user:pass@127.0.0.1", "http://127.0.0.1/?a=b", "http://127.0.0.1/#a"])
def test_a_url_holds_no_secrets(url: str, home: dict[str, str]) -> None:
    with pytest.raises(Failure, match="neither user, query nor fragment") as caught:
        find_access(url, None, home)
    assert "pass" not in str(caught.value)


def test_a_token_is_not_sent_unencrypted_to_another_machine(home: dict[str, str]) -> None:
    token = home | {"NETMON_TOKEN": "secret"}
    with pytest.raises(Failure, match="would get the token unencrypted"):
        find_access("http://collector.example:7440", None, token)
    assert find_access("https://collector.example:7440", None, token).token == "secret"


@pytest.mark.parametrize("text", ["", "  \n", "two words", "line\nbreak", "ünicode", "x" * 5000])
def test_what_is_no_token_is_refused_unseen(text: str, home: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        find_access(None, written(tmp_path / "file", text), home)
    assert str(caught.value) == f"{tmp_path / 'file'} holds no token"


def test_a_token_is_not_in_the_text_of_what_holds_it(home: dict[str, str]) -> None:
    assert "secret" not in repr(find_access(None, None, home | {"NETMON_TOKEN": "secret"}))


def test_a_token_file_that_is_not_there(netmon: Netmon) -> None:
    ended = netmon("status", "--token-file", "/nonexistent")
    assert ended.code == 2
    assert ended.err == "netmon: /nonexistent: can't read the token: No such file or directory\n"


def test_a_mistake_in_the_saved_file_is_told_without_the_token(netmon: Netmon, tmp_path: Path) -> None:
    path = tmp_path / "config" / "netmon" / "client.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("token: [secret]\nulr: x\n")
    ended = netmon("status")
    assert ended.code == 2
    assert ended.err == f"netmon: {path}:1: token: must be text\n  {path}:2: ulr: no such option. Did you mean 'url'?\n"


def test_login_saves_what_the_collector_accepts(
    netmon: Netmon, collector: FakeCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NETMON_URL")
    monkeypatch.setenv("NETMON_TOKEN", "wrong")
    file = written(tmp_path / "token", TOKEN)
    ended = netmon("login", "--url", collector.url, "--token-file", str(file))
    path = tmp_path / "config" / "netmon" / "client.yaml"
    assert (ended.code, ended.out) == (0, f"{collector.url} accepts the token; saved in {path}\n")
    assert TOKEN in path.read_text()
    monkeypatch.delenv("NETMON_TOKEN")
    assert netmon("status").code == 0
    assert json.loads(netmon("login", "--token-file", str(file), "--json").out) == {
        "url": collector.url,
        "file": str(path),
    }


def test_login_mends_a_saved_file_with_a_mistake(netmon: Netmon, collector: FakeCollector, tmp_path: Path) -> None:
    saved = tmp_path / "config" / "netmon" / "client.yaml"
    saved.parent.mkdir(parents=True)
    saved.write_text("ulr: x\n")
    assert netmon("login", "--token-file", str(written(tmp_path / "token", TOKEN))).code == 0
    assert saved.read_text() == f"url: {collector.url}\ntoken: {TOKEN}\n"


def test_login_does_not_try_a_token_unencrypted(netmon: Netmon, tmp_path: Path) -> None:
    file = written(tmp_path / "token", TOKEN)
    ended = netmon("login", "--url", "http://collector.example:7440", "--token-file", str(file))
    assert ended.code == 2
    assert ended.err.startswith("netmon: http://collector.example:7440 would get the token unencrypted\n")


def test_login_saves_nothing_that_is_not_accepted(netmon: Netmon, collector: FakeCollector, tmp_path: Path) -> None:
    ended = netmon("login", "--token-file", str(written(tmp_path / "token", "nmt_wrong")))
    assert ended.code == 4
    assert "nmt_wrong" not in ended.err
    assert not (tmp_path / "config").exists()


def test_login_says_why_it_can_not_save(netmon: Netmon, collector: FakeCollector, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file in the way")
    ended = netmon("login", "--token-file", str(written(tmp_path / "token", TOKEN)))
    assert ended.code == 1
    assert "can't save the token" in ended.err


def test_a_redirect_does_not_get_the_token(netmon: Netmon, collector: FakeCollector) -> None:
    with serving(FakeCollector()) as other:
        collector.replaced["/api/v1/status"] = (307, {"Location": f"{other.url}/api/v1/status"}, b"")
        ended = netmon("status")
        assert ended.code == 5
        assert f"sends us on to {other.url}/api/v1/status" in ended.err
        assert other.requests == []


def test_a_proxy_is_not_asked_for_this_machine(
    netmon: Netmon, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(FakeCollector()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert netmon("status").code == 0
        assert proxy.requests == []
    assert collector.requests[0][2] == f"Bearer {TOKEN}"


def test_a_certificate_that_is_not_trusted_is_not_taken_for_a_collector_that_is_not_there(netmon: Netmon) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serving(FakeCollector(), context) as other:
        ended = netmon("status", "--url", other.url)
        assert other.requests == []
    assert ended.code == 3
    assert f"netmon: the certificate of {other.url} is not accepted: unable to get local issuer" in ended.err
    assert "name the authority's file in SSL_CERT_FILE" in ended.err
