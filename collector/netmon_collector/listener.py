"""What can keep a listener from starting."""

import socket
import ssl
from pathlib import Path

from netmon_collector.config import ServerTls
from netmon_configs.options import split_address
from netmon_configs.secrets import NoSecret, Source, load_pair


class CannotListen(Exception):
    """A listener cannot start; says why and what to do."""


def port_taken(what: str, address: str, why: str, option: str) -> CannotListen:
    """Somebody else listens there, or the address is not this machine's. `option` is the setting's name."""
    return CannotListen(
        f"cannot listen for {what} on {address}: {why}.\n"
        f"Another netmon may be running there. To listen elsewhere: --{option}, or {option}.listen in collector.yaml."
    )


def why_taken(address: str) -> str:
    """Why nobody can listen there, in the system's words: gRPC has none."""
    host, port = split_address(address)
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as listeners do
            probe.bind(place)
    except OSError as error:
        return error.strerror or str(error)
    return "it was taken a moment ago"


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """TLS as the options say. Raises CannotListen."""
    read_certificate(tls.cert_file)
    read_key(tls.key_source)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        load_pair(context, Source(file=tls.cert_file), tls.key_source)
    except (OSError, NoSecret) as error:
        raise CannotListen(
            f"{tls.cert_file} and {tls.key_source} are not a certificate and its key: {error}"
        ) from error
    return context


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
