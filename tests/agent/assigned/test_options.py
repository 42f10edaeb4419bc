"""What the collector says of a check is judged as in agent.yaml, and names nothing of the machine that checks."""

import json
from typing import Any

import pytest

from netmon_agent.assigned.options import HIDDEN, check_of, shown, to_json
from netmon_agent.inputs.registry import CHECKS
from netmon_configs.load import ConfigError

GOOD: dict[str, dict[str, Any]] = {
    "dhcp": {"interface": "eth0", "servers": ["192.0.2.1"], "listen": "1s"},
    "dns": {"host": "192.0.2.53", "query": "www.example.net", "transport": "tls", "tls": {"verify": False}},
    "grpc": {"host": "192.0.2.1", "port": 443, "service": "shop"},
    "http": {"url": "https://shop.example/", "status": [200, 204], "headers": {"X-Key": "s3cret"}, "max_size": "2MiB"},
    "imap": {"host": "mail.example", "security": "tls"},
    "ntp": {"host": "192.0.2.1", "max_offset": "100ms"},
    "path": {"host": "192.0.2.1", "max_hops": 5},
    "ping": {"targets": ["192.0.2.1", "host.example"], "dscp": 46, "interval": "1m"},
    "smtp": {"host": "mail.example"},
    "ssh": {"host": "192.0.2.1", "port": 2222},
    "tcp": {"host": "192.0.2.1", "port": 5432, "send": "s3cret\r\n", "expect": "OK"},
    "tls": {"host": "192.0.2.1", "tls": {"server_name": "shop.example"}},
    "udp": {"host": "192.0.2.1", "port": 53, "send_hex": "00ff"},
}


def mistakes(options: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as told:
        check_of(options)
    return [str(one) for one in told.value.mistakes]


def test_every_check_that_there_is_can_be_assigned() -> None:
    assert GOOD.keys() == CHECKS.keys()


@pytest.mark.parametrize("kind", GOOD)
def test_options_come_back_from_the_wire_as_they_were(kind: str) -> None:
    check = check_of({"type": kind, **GOOD[kind]})
    assert check_of(json.loads(to_json(check))) == check
    assert "s3cret" not in json.dumps(shown(check))


def test_secrets_are_sent_and_never_shown() -> None:
    tls = {"cert": "a certificate", "key": "s3cret key"}
    given = {"type": "http", "url": "https://shop.example/", "user": "bob", "password": "s3cret word", "tls": tls}
    check = check_of(given)
    assert json.loads(to_json(check)) == given
    assert shown(check) == given | {"password": HIDDEN, "tls": {"cert": HIDDEN, "key": HIDDEN}}
    assert "s3cret" not in repr(check)


def test_a_mistake_is_worded_as_in_a_file() -> None:
    wrong = {"type": "tcp", "host": "192.0.2.1", "port": 99999, "expct": "x"}
    assert mistakes(wrong) == [
        "port: must be at most 65535 (got 99999)",
        "expct: no such option. Did you mean 'expect'?",
    ]
    assert mistakes({"type": "htpp"})[0].endswith("tls, udp. Did you mean 'http'?")
    assert mistakes({}) == ["type: is missing"]


@pytest.mark.parametrize("kind", ["host", "scrape", "syslog", "traps"])
def test_what_is_no_check_cannot_be_assigned(kind: str) -> None:
    assert mistakes({"type": kind})[0].startswith("type: must be one of dhcp, dns,")


def test_an_agents_files_and_environment_are_not_the_collectors_to_name() -> None:
    url = {"type": "http", "url": "https://shop.example/"}
    assert mistakes(url | {"user": "x", "password_file": "/etc/shadow"}) == [
        "password_file: is of the machine that checks: say 'password' instead"
    ]
    assert mistakes(url | {"token_env": "AWS_SECRET"}) == [
        "token_env: is of the machine that checks: say 'token' instead"
    ]
    assert mistakes(url | {"tls": {"ca_file": "/etc/hosts"}}) == [
        "tls.ca_file: is of the machine that checks: say 'tls.ca' instead"
    ]


def test_targets_know_their_hosts() -> None:
    def hosts(kind: str) -> dict[str, str]:
        return dict(check_of({"type": kind, **GOOD[kind]}).asked)

    assert hosts("http") == {"https://shop.example/": "shop.example"}
    assert hosts("ping") == {"192.0.2.1": "192.0.2.1", "host.example": "host.example"}
    assert hosts("tcp") == {"192.0.2.1:5432": "192.0.2.1"}
    assert hosts("dhcp") == {}
