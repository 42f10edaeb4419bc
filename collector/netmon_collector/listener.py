"""What can keep a listener from starting."""

from pathlib import Path

from netmon_configs.secrets import NoSecret, Source


class CannotListen(Exception):
    """A listener cannot start; says why and what to do."""


def port_taken(what: str, address: str, why: str, option: str) -> CannotListen:
    """Somebody else listens there, or the address is not this machine's. `option` is the setting's name."""
    return CannotListen(
        f"cannot listen for {what} on {address}: {why}.\n"
        f"Another netmon may be running there. To listen elsewhere: --{option}, or {option}.listen in collector.yaml."
    )


def read_certificate(path: Path) -> bytes:
    """A PEM file's content. Raises CannotListen."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotListen(f"the certificate file {path} cannot be read: {error.strerror}.") from error


def read_key(source: Source) -> bytes:
    """A key in PEM. Raises CannotListen."""
    try:
        return (source.read() or "").encode()
    except NoSecret as error:
        raise CannotListen(f"the certificate's key cannot be had: {error}.") from error
