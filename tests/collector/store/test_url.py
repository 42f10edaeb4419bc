"""The URL of a store: what it may say, and that nothing repeats a password that somebody put into it."""

from pathlib import Path

import pytest

from netmon_collector.config import CollectorConfig
from netmon_collector.store.base import StoreError, StoreUnavailable
from netmon_collector.store.opening import server_of
from netmon_collector.store.outside.http import Access
from netmon_collector.store.url import StoreUrl, parse_store_url
from netmon_configs.load import ConfigError, parse


def test_a_url_names_a_store() -> None:
    assert parse_store_url("embedded:") == StoreUrl("embedded", "")
    assert parse_store_url("embedded:/var/old") == StoreUrl("embedded", "/var/old")
    assert parse_store_url("victoriametrics:http://[::1]:8428/") == StoreUrl("victoriametrics", "http://[::1]:8428")
    url = parse_store_url("influxdb:https://influx.example:8086?db=net%20mon&rp=year")
    assert (url.address, url.get("db"), url.get("rp"), url.get("org")) == (
        "https://influx.example:8086", "net mon", "year", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://127.0.0.1:8428", "must be embedded:, victoriametrics:http"),
        ("victoriametrics:127.0.0.1:8428", "must be embedded:, victoriametrics:http"),
        ("victoriametrics:http://h:99999", "must be embedded:, victoriametrics:http"),
        ("victoriametrics:http://me:secret@h:8428", "must not have a password in it: use"),
        (
            "victoriametrics:http://h:8428?token=secret",
            "has a parameter that is not known; victoria",
        ),
        ("victoriametrics:http://h:8428?select=http://h:8481", "must name the tenant of a cluster"),
        ("influxdb:http://h:8086", "must name the database"),
        ("influxdb:http://127.0.0.1:8086?db=a&user=me", "must have user and password_file together"),
        (
            "influxdb:http://h:8086?db=a&token_file=/t",
            "must be https: a password or token goes over",
        ),
        ("victoriametrics:https://h:1?tenant=0&select=http://g:2&token_file=/t", "must be https: a password or token"),
    ],
)
def test_a_mistake_in_a_url_is_told_without_the_url(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"must|has") as caught:
        parse_store_url(text)
    assert str(caught.value).startswith(told)
    assert "secret" not in str(caught.value)


def test_a_configuration_with_a_bad_url_tells_the_line_and_no_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("store:\n  url: victoriametrics:http://me:secret@h:1\n", "collector.yaml", CollectorConfig)
    assert str(caught.value).startswith("collector.yaml:2: store.url: must not have a password in it")
    assert "secret" not in str(caught.value)


def test_a_secret_is_read_from_its_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "token"
    url = parse_store_url(f"influxdb:http://127.0.0.1:1?db=a&token_file={file}")
    with pytest.raises(StoreUnavailable, match=f"the token file {file} of the store cannot be read: No such file"):
        server_of(url)
    file.write_text("two\nlines\n")
    with pytest.raises(StoreUnavailable, match="must hold one line of text"):
        server_of(url)
    file.write_text("hush-hush\n")
    with pytest.raises(StoreError, match=r"^http://127.0.0.1:1 does not answer: ") as caught:
        server_of(url).check()
    assert "hush-hush" not in str(caught.value) + repr(Access("Token hush-hush"))
