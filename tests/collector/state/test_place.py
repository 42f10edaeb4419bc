"""Where the state is: what a URL may say, and where its password comes from."""

from pathlib import Path

import pytest

from netmon_collector.config import CollectorConfig
from netmon_collector.state.place import StateError, checked_url, outside_of, place_of, shown


def test_without_a_url_it_is_a_file_of_the_folder(tmp_path: Path) -> None:
    place = place_of(tmp_path, None, None)
    assert (place.get_backend_name(), shown(place), outside_of(place)) == ("sqlite", f"{tmp_path}/state.sqlite", "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", ""])
def test_a_database_of_this_machine_may_do_without_tls(tmp_path: Path, host: str) -> None:
    place = place_of(tmp_path, f"postgresql://netmon@{host}/netmon", None)
    assert (place.drivername, dict(place.query)) == ("postgresql+psycopg", {})
    assert outside_of(place) == f"postgresql://netmon@{host}/netmon"


def test_to_another_machine_it_is_tls_with_a_checked_name(tmp_path: Path) -> None:
    url = "postgresql://netmon@db.example/netmon"
    assert dict(place_of(tmp_path, url, None).query) == {"sslmode": "verify-full", "sslrootcert": "system"}
    own = place_of(tmp_path, f"{url}?sslmode=verify-ca&sslrootcert=/etc/ca.pem", None)
    assert dict(own.query) == {"sslmode": "verify-ca", "sslrootcert": "/etc/ca.pem"}


def test_the_password_comes_from_its_file_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cr/t@\n")
    place = place_of(tmp_path, "postgresql://netmon@localhost/netmon", file)
    assert place.password == "s3cr/t@"
    assert shown(place) == "postgresql://netmon@localhost/netmon"
    with pytest.raises(StateError, match=r"netmon: the password file .*/none cannot be read: No such file"):
        place_of(tmp_path, "postgresql://netmon@localhost/netmon", tmp_path / "none")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgres//admin:s3cret@db", "must be the address of a PostgreSQL database"),
        ("mysql://db.example/netmon", "must be the address of a PostgreSQL database"),
        ("postgresql://db.example", "must be the address of a PostgreSQL database"),
        (5, "must be the address of a PostgreSQL database"),
        ("postgresql://admin:s3cret@db.example/netmon", "must not have a password in it: use password_file"),
        ("postgresql://db.example/netmon?sslmode=prefer", "must not have sslmode=prefer: to another machine only"),
    ],
)
def test_a_url_that_will_not_do_is_refused_without_repeating_a_secret(url: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as error:
        checked_url(url)
    assert "s3cret" not in str(error.value)


def test_the_configuration_says_what_goes_with_what() -> None:
    with pytest.raises(ValueError, match="password_file needs url"):
        CollectorConfig.model_validate({"database": {"password_file": "/etc/password"}})
