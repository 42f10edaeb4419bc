"""Traps and informs of SNMP version 3: pysnmp keeps keys, engines and time windows; what it is given is checked first.

pysnmp takes a message at any level of security that its user could have, and remembers every engine that it hears of:
so who sends less securely than agreed, or under a name that nobody has, does not get so far.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from pyasn1.type.univ import ObjectIdentifier, OctetString
from pysnmp.carrier.asyncio.dgram.udp import UdpTransportAddress
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.ntfrcv import NotificationReceiver
from pysnmp.proto.rfc1902 import IpAddress

from netmon_agent.receivers.notification import Malformed, Notification, notification_of, read_header, read_integer
from netmon_agent.receivers.storms import Storms
from netmon_agent.receivers.users import SnmpUser, password
from netmon_agent.snmp.session import Value
from netmon_configs.secrets import Source

MOST_ENGINES: Final = 10_000
NEW_PER_S: Final = 20.0
NEW_AT_ONCE: Final = 500
"""Engines that are seen for the first time. Each takes some milliseconds, and anybody can make one up."""
_AUTHENTICATED, _PRIVATE = 1, 2
_DOMAIN: Final = (1, 3, 6, 1, 6, 1, 1)  # snmpUDPDomain
_AUTH: Final = {
    None: config.USM_AUTH_NONE,
    "md5": config.USM_AUTH_HMAC96_MD5,
    "sha1": config.USM_AUTH_HMAC96_SHA,
    "sha224": config.USM_AUTH_HMAC128_SHA224,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {
    None: config.USM_PRIV_NONE,
    "des": config.USM_PRIV_CBC56_DES,
    "aes128": config.USM_PRIV_CFB128_AES,
    "aes192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "aes256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
}
_PRIV_REEDER: Final = _PRIV | {"aes192": config.USM_PRIV_CFB192_AES, "aes256": config.USM_PRIV_CFB256_AES}


class _Keys(NamedTuple):
    """Protocols as pysnmp names them, and the keys that passwords become, which takes a while, once."""

    auth: Any
    auth_key: Any
    priv: Any
    priv_key: Any


class Head(NamedTuple):
    """What a message of version 3 says of itself in the clear (RFC 3412, section 6; RFC 3414, section 2.4)."""

    flags: int
    engine_id: bytes
    user: bytes

    @property
    def who(self) -> str:
        """The user, for people."""
        return f"user {self.user[:32].decode(errors='replace')!r}"


class Secured:
    """Reads messages of version 3, and makes the replies that they ask for. Belongs to one event loop."""

    def __init__(
        self,
        users: Sequence[SnmpUser],
        engine_id: bytes,
        boots: int,
        monotonic_s: Callable[[], float] = time.monotonic,
        new_at_once: int = NEW_AT_ONCE,
    ) -> None:
        """`engine_id` and `boots` are those of this receiver; `boots` grows from start to start.

        Raises NoSecret, ValueError where a password cannot be had.
        """
        self._own_id = engine_id
        self._levels = {
            one.user.encode(): _AUTHENTICATED * (one.auth is not None) | _PRIVATE * (one.priv is not None)
            for one in users
        }
        self._engines: set[tuple[bytes, bytes]] = set()
        self._newcomers = Storms(NEW_PER_S, new_at_once)
        self._monotonic_s = monotonic_s
        self._told: list[tuple[bytes, list[tuple[str, Value]]]] = []
        self._wire = _Wire()
        self._engine = SnmpEngine()  # given an id, it would write into a folder of /tmp that anybody may have made
        self._symbol("snmpEngineID", engine_id)
        self._symbol("snmpEngineBoots", boots)
        self._engine.snmpEngineID = self._engine.get_mib_builder().import_symbols(_FRAMEWORK, "snmpEngineID")[0].syntax
        self._engine.register_transport_dispatcher(self._wire)
        NotificationReceiver(self._engine, self._notified)
        self._keys = {one.user.encode(): _keys_of(one) for one in users}
        for user in self._keys:
            self._introduce(user, engine_id)

    def take(self, message: bytes, address: tuple[Any, ...]) -> tuple[Notification | None, list[bytes]]:
        """A notification, None where the message holds none, and what is to be sent back. Raises Malformed."""
        head = head_of(message)
        is_new = self._check(head)
        try:
            return self._read(message, address, head)
        except Malformed:
            if is_new:  # nothing is kept of an engine that has proved nothing
                self._engines.discard((head.user, head.engine_id))
                config.delete_v3_user(self._engine, head.user.decode(), OctetString(head.engine_id))
            raise

    def _read(self, message: bytes, address: tuple[Any, ...], head: Head) -> tuple[Notification | None, list[bytes]]:
        self._told.clear()
        self._wire.sent.clear()
        try:
            self._engine.message_dispatcher.receive_message(
                self._engine, _DOMAIN, UdpTransportAddress(address[:2]), message
            )
        except Exception as error:  # noqa: BLE001 - pysnmp raises whatever hostile bytes lead it to
            raise Malformed(f"cannot be read: {type(error).__name__}") from None
        replies = list(self._wire.sent)
        if not self._told:
            if not replies:
                raise Malformed(f"{head.who}: wrong password, or an old message sent again")
            return None, replies
        context_id, bindings = self._told[0]
        sender = context_id if head.engine_id == self._own_id else head.engine_id
        told = notification_of("3", b"", bindings)
        return told._replace(engine_id=b"" if sender == self._own_id else sender), replies

    def pass_time(self, now_s: float) -> None:
        """Lets pysnmp forget what is over; to be called about once a second."""
        self._wire.handle_timer_tick(now_s)

    def _check(self, head: Head) -> bool:
        """Raises Malformed for what is not to be looked at; whether its engine is seen for the first time."""
        if not head.user and not head.flags & _AUTHENTICATED and head.engine_id in (b"", self._own_id):
            return False  # who sends informs asks first which engine this is
        level = self._levels.get(head.user)
        if level is None:
            raise Malformed(f"{head.who} is none that this receiver knows")
        if head.flags & level != level:
            raise Malformed(f"{head.who} sends without the protection that it must have")
        if head.engine_id in (b"", self._own_id) or (head.user, head.engine_id) in self._engines:
            return False
        if len(self._engines) >= MOST_ENGINES:
            raise Malformed(f"more than {MOST_ENGINES} engines have sent already")
        if not self._newcomers.admits("", self._monotonic_s()):
            raise Malformed("too many engines send for the first time at once")
        self._engines.add((head.user, head.engine_id))
        self._introduce(head.user, head.engine_id)
        return True

    def _introduce(self, user: bytes, engine_id: bytes) -> None:
        """Has pysnmp know a user at an engine: keys are those of both (RFC 3414, section 2.6)."""
        keys = self._keys[user]
        config.add_v3_user(
            self._engine,
            user.decode(),
            keys.auth,
            keys.auth_key,
            keys.priv,
            keys.priv_key,
            securityEngineId=OctetString(engine_id),
            authKeyType=config.USM_KEY_TYPE_MASTER,
            privKeyType=config.USM_KEY_TYPE_MASTER,
        )

    def _symbol(self, name: str, value: object) -> None:
        (symbol,) = self._engine.get_mib_builder().import_symbols(_FRAMEWORK, name)
        symbol.syntax = symbol.syntax.clone(value)

    def _notified(
        self, _engine: object, _state: object, context_id: Any, _name: object, bindings: Any, _context: object
    ) -> None:
        found = [(str(name), _plain(value)) for name, value in bindings]
        self._told.append((bytes(context_id), found))


_FRAMEWORK: Final = "__SNMP-FRAMEWORK-MIB"


class _Wire(AbstractTransportDispatcher):  # type: ignore[misc]
    """Keeps what pysnmp would send, for whoever has the socket."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def send_message(self, message: Any, _domain: object, _address: object) -> None:
        self.sent.append(bytes(message))


def _keys_of(user: SnmpUser) -> _Keys:
    auth, priv = _AUTH[user.auth], (_PRIV_REEDER if user.key_expansion == "reeder" else _PRIV)[user.priv]
    auth_password, priv_password = (password(Source.of(user, f"{one}_password")) for one in ("auth", "priv"))
    auth_key = config.AUTH_SERVICES[auth].hash_passphrase(auth_password.encode()) if auth_password else None
    priv_key = config.PRIV_SERVICES[priv].hash_passphrase(auth, priv_password.encode()) if priv_password else None
    return _Keys(auth, auth_key, priv, priv_key)


def head_of(message: bytes) -> Head:
    """Raises Malformed."""
    try:
        _, at, end = read_header(message, 0, len(message))
        _, at = read_integer(message, at, end)
        _, start, at = read_header(message, at, end)
        _, inner = read_integer(message, start, at)
        _, inner = read_integer(message, inner, at)
        _, start, stop = read_header(message, inner, at)
        flags = message[start] if stop - start == 1 else 0
        _, start, stop = read_header(message, at, end)
        _, at, end = read_header(message, start, stop)
        _, start, at = read_header(message, at, end)
        engine_id = message[start:at]
        _, at = read_integer(message, at, end)
        _, at = read_integer(message, at, end)
        _, start, stop = read_header(message, at, end)
    except IndexError:
        raise Malformed("ends too early") from None
    if len(engine_id) > 32:
        raise Malformed("has an engine id of more than 32 bytes")
    return Head(flags, engine_id, message[start:stop])


def _plain(value: Any) -> Value:
    if isinstance(value, IpAddress):
        return str(value.prettyPrint())
    if isinstance(value, OctetString):
        return bytes(value)
    if isinstance(value, ObjectIdentifier):
        return ".".join(str(part) for part in value)
    try:
        return int(value)
    except (TypeError, ValueError):  # NULL, and what did not exist
        return b""
