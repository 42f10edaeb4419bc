"""Secrets are found in files and in the environment, and are shown nowhere; files stand beside the configuration."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import BaseModel

from netmon_agent.config import AgentConfig
from netmon_agent.inputs.checks.http import HttpInput
from netmon_cli.assembly.agent import target_of
from netmon_cli.failure import Failure
from netmon_collector.alerts.configuration import AlertingFile
from netmon_collector.config import CollectorConfig
from netmon_configs.load import ConfigError, load
from netmon_configs.options import FilePath, Options, Variable
from netmon_configs.secrets import NoSecret, Secret, Source, authorization_of, differ, has_authorization, load_pair


class Web(Options):
    user: str | None = None
    password: Secret | None = None
    password_file: FilePath | None = None
    password_env: Variable | None = None
    token_env: Variable | None = None


def told(model: type[BaseModel], text: str, folder: Path) -> str:
    """All mistakes of a configuration file."""
    (folder / "some.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load(folder / "some.yaml", model)
    return str(error.value)


def test_a_secret_is_read_where_it_is_and_anew_each_time(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("first\n")
    source = Source.of(Web(user="x", password_file=tmp_path / "secret"), "password")
    assert source.read() == "first"
    (tmp_path / "secret").write_text("second")
    assert source.read() == "second"
    assert Source.of(Web(password_env="PW"), "password").read({"PW": "third\n"}) == "third"
    assert Source.of(Web.model_validate({"password": "fourth"}), "password").read() == "fourth"
    assert (bool(Source.of(Web(), "password")), Source.of(Web(), "password").read()) == (False, None)


def test_what_cannot_be_had_is_told_by_place(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * (65 << 10))
    for source, words in (
        (Source(file=tmp_path / "none"), "none cannot be read: No such file"),
        (Source(file=tmp_path / "odd"), "odd is not UTF-8 text"),
        (Source(file=tmp_path / "huge"), "huge is no secret: it has more than 64 KiB"),
        (Source(variable="NOWHERE"), "there is no variable NOWHERE in the environment"),
    ):
        with pytest.raises(NoSecret, match=words):
            source.read({})


def test_no_secret_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    for options in (Web.model_validate({"password": "s3cret"}), Web.model_validate({"password": {"env": "PW"}})):
        source = Source.of(options, "password")
        assert source.read() == "s3cret"
        assert "s3cret" not in f"{options!r} {options} {source!r} {source} {options.model_dump_json()}"


def test_one_secret_is_said_in_one_way() -> None:
    with pytest.raises(ValueError, match="takes either password_file or password_env"):
        differ(Web(password_file=Path("x"), password_env="X"), "password")


def test_who_asks_is_said_in_one_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", "s3cret")
    assert authorization_of(Web(token_env="T")) == {"Authorization": "Bearer s3cret"}
    assert authorization_of(Web(user="me", password_env="T")) == {"Authorization": "Basic bWU6czNjcmV0"}
    assert authorization_of(Web()) == {}
    monkeypatch.setenv("T", "two\nlines")
    with pytest.raises(NoSecret, match="T must hold one line of text"):
        authorization_of(Web(token_env="T"))
    assert has_authorization(Web(token_env="T"), "https://x/")
    with pytest.raises(ValueError, match="needs https"):
        has_authorization(Web(token_env="T"), "http://192.0.2.1/")


def test_a_key_of_the_environment_serves_as_one_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    monkeypatch.setenv("KEY", certificate.private_key_pem.bytes().decode())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_pair(context, Source(file=tmp_path / "cert.pem"), Source(variable="KEY"))
    with pytest.raises(ssl.SSLError):
        load_pair(context, Source(file=tmp_path / "cert.pem"), Source(variable="PATH"))
    assert [path.name for path in tmp_path.iterdir()] == ["cert.pem"]


def test_nobody_is_asked_for_a_passphrase(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    (tmp_path / "key.pem").write_bytes(sealed)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with pytest.raises(NoSecret, match="the key has a passphrase"):
        load_pair(context, Source(file=tmp_path / "cert.pem"), Source(file=tmp_path / "key.pem"))


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc" / "agent.yaml").write_text(
        "collector: {address: far.example:1, tls: {ca_file: ca.pem}, join_token_file: /abs/token}\n"
        "inputs:\n"
        "  - {type: http, url: 'https://x/', user: me, password_file: secrets/pw, tls: {ca_file: ca.pem}}\n"
        "  - {type: traps, communities_file: communities}\n"
    )
    agent = load(Path("etc/agent.yaml"), AgentConfig)
    etc = tmp_path / "etc"
    assert agent.collector.tls is not None
    assert (agent.collector.tls.ca_file, agent.collector.join_token_file) == (etc / "ca.pem", Path("/abs/token"))
    (web, traps) = agent.inputs
    assert isinstance(web, HttpInput)
    assert (web.password_file, web.tls.ca_file) == (etc / "secrets/pw", etc / "ca.pem")
    assert getattr(traps, "communities_file", None) == etc / "communities"
    (etc / "collector.yaml").write_text(
        "store: {url: 'influxdb:https://i?db=n&user=u&password_file=pw&ca_file=/abs/ca'}\n"
        "rules: {folder: rules}\nalerting: {config_file: alerting.yaml}\n"
        "models: {define: [{name: a, kind: detector, url: 'https://m', key_file: key}]}\n"
    )
    collector = load(Path("etc/collector.yaml"), CollectorConfig)
    assert collector.store.url == f"influxdb:https://i?db=n&user=u&password_file={etc}/pw&ca_file=/abs/ca"
    assert (collector.rules.folder, collector.alerting.config_file) == (etc / "rules", etc / "alerting.yaml")
    assert collector.models.define[0].key_file == etc / "key"


def test_receivers_of_alerts_take_secrets_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "route: {receiver: team}\nreceivers:\n  - name: team\n    webhook_configs:\n"
        "      - {url: {env: HOOK}}\n      - {url_file: hook}\n"
    )
    assert told(AlertingFile, text, tmp_path) == (
        f"{tmp_path}/some.yaml:5: receivers[0].webhook_configs[0].url: there is no variable HOOK in the environment"
    )
    monkeypatch.setenv("HOOK", "https://hooks.example/s3cret")
    file = load(tmp_path / "some.yaml", AlertingFile)
    (given, named) = file.receivers[0].webhook_configs  # type: ignore[attr-defined]
    assert given.url.get_secret_value() == "https://hooks.example/s3cret"
    assert named.url_file == tmp_path / "hook"
    assert "s3cret" not in repr(file)


def test_the_join_token_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = AgentConfig.model_validate({"collector": {"join_token_env": "JOIN"}}).collector
    with pytest.raises(Failure, match="the join token cannot be had: there is no variable JOIN"):
        target_of(options)
    monkeypatch.setenv("JOIN", "nmj_x\n")
    assert target_of(options).join_token == "nmj_x"
    text = "collector: {join_token_env: JOIN, join_token_file: x}\n"
    assert told(AgentConfig, text, tmp_path).endswith("takes either join_token_file or join_token_env")
