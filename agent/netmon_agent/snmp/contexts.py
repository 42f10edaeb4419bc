"""A context of SNMP version 3, by pysnmp: gufo-snmp asks in none but the empty one.

It is slow, and asked for what little stands in contexts: the forwarding tables of single VLANs.
"""

import asyncio
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.session import MOST_VALUES, Broken, NoAnswer, NotAllowed, SnmpError, Value

with warnings.catch_warnings():  # pysnmp uses names of pysmi that pysmi warns of
    warnings.simplefilter("ignore", DeprecationWarning)
    from pysnmp.entity.rfc3413.cmdgen import BulkCommandGenerator, GetCommandGenerator
    from pysnmp.hlapi.v3arch import asyncio as hlapi
    from pysnmp.hlapi.v3arch.asyncio.lcd import CommandGeneratorLcdConfigurator
    from pysnmp.proto import rfc1902, rfc1905
    from pysnmp.proto.api import v2c
    from pysnmp.proto.errind import RequestTimedOut

_REPETITIONS: Final = 25
_AUTH: Final = {
    None: hlapi.USM_AUTH_NONE,
    "md5": hlapi.USM_AUTH_HMAC96_MD5,
    "sha1": hlapi.USM_AUTH_HMAC96_SHA,
    "sha224": hlapi.USM_AUTH_HMAC128_SHA224,
    "sha256": hlapi.USM_AUTH_HMAC192_SHA256,
    "sha384": hlapi.USM_AUTH_HMAC256_SHA384,
    "sha512": hlapi.USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {
    None: hlapi.USM_PRIV_NONE,
    "des": hlapi.USM_PRIV_CBC56_DES,
    "aes128": hlapi.USM_PRIV_CFB128_AES,
    "aes192": hlapi.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "aes256": hlapi.USM_PRIV_CFB256_AES_BLUMENTHAL,
}
_PRIV_REEDER: Final = {**_PRIV, "aes192": hlapi.USM_PRIV_CFB192_AES, "aes256": hlapi.USM_PRIV_CFB256_AES}
_ENDS: Final = (rfc1905.EndOfMibView, rfc1905.NoSuchObject, rfc1905.NoSuchInstance)


class Contexts:
    """A device's contexts, over one socket and with one learning of its engine; close it after use."""

    def __init__(self, address: tuple[str, int], credential: Credential, timeout_s: float, deadline_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._engine = hlapi.SnmpEngine()
        self._user = _user(credential)
        self._known = CommandGeneratorLcdConfigurator()
        self._target: Any = None

    def close(self) -> None:
        self._engine.close_dispatcher()

    def named(self, name: str) -> "ContextSession":
        return ContextSession(self, name)

    async def get(self, context: str, oids: Sequence[str]) -> Sequence[Any]:
        """Names and values of objects. Raises SnmpError."""
        return await self._ask(GetCommandGenerator().send_varbinds, context, [], oids)

    async def bulk(self, context: str, oid: str) -> Sequence[Any]:
        """Names and values of what follows an OID. Raises SnmpError."""
        return await self._ask(BulkCommandGenerator().send_varbinds, context, [0, _REPETITIONS], [oid])

    async def _ask(self, send: Any, context: str, how: Sequence[int], oids: Sequence[str]) -> Sequence[Any]:
        """Below pysnmp's high-level functions, which look for MIBs, also on the Internet, to name what is asked."""
        if time.monotonic() > self._deadline_s:
            raise SnmpError("its time for one poll is used up", permanent=True)
        if self._target is None:
            kind = hlapi.Udp6TransportTarget if ":" in self._address[0] else hlapi.UdpTransportTarget
            self._target = await kind.create(self._address, timeout=self._timeout_s, retries=1)
        answer: asyncio.Future[tuple[Any, Any, Any]] = asyncio.get_running_loop().create_future()

        def told(_engine: Any, _handle: Any, trouble: Any, status: Any, _place: Any, found: Any, _more: Any) -> None:
            if not answer.done():
                answer.set_result((trouble, status, found))

        whom, _ = self._known.configure(self._engine, self._user, self._target, context.encode())
        asked = [(rfc1902.ObjectName(oid), v2c.null) for oid in oids]
        send(self._engine, whom, None, context.encode(), *how, asked, told)
        return _judged(*await answer)


class ContextSession:
    """One context; see `Session` for what it promises."""

    def __init__(self, contexts: Contexts, context: str) -> None:
        self._contexts = contexts
        self._context = context

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        values = await self._contexts.get(self._context, oids)
        return {".".join(map(str, name)): _plain(value) for name, value in values if not isinstance(value, _ENDS)}

    async def walk(self, oid: str, rows: int = 0, most: int = MOST_VALUES) -> Mapping[str, Value]:
        found: dict[str, Value] = {}
        last = tuple(map(int, oid.split(".")))
        root = last
        while True:
            values = await self._contexts.bulk(self._context, ".".join(map(str, last)))
            if not values:
                return found
            for name, value in values:
                at = tuple(name)
                if at[: len(root)] != root or isinstance(value, _ENDS):
                    return found
                if at <= last:
                    raise Broken("its OIDs do not increase", found)
                if len(found) >= most:
                    raise Broken(f"more than {most} values", found)
                last = at
                found[".".join(map(str, at[len(root) :]))] = _plain(value)


def _judged(trouble: Any, status: Any, found: Any) -> Sequence[Any]:
    """What pysnmp gives back. Raises SnmpError."""
    if isinstance(trouble, RequestTimedOut):
        raise NoAnswer("no answer")
    if trouble:
        raise NotAllowed(str(trouble))
    if status:
        raise SnmpError(str(status.prettyPrint()))
    return list(found)


def _user(credential: Credential) -> Any:
    auth, priv = credential.auth_password, credential.priv_password
    privs = _PRIV_REEDER if credential.key_expansion == "reeder" else _PRIV
    return hlapi.UsmUserData(
        credential.user or "",
        authKey=auth.get_secret_value() if auth else None,
        privKey=priv.get_secret_value() if priv else None,
        authProtocol=_AUTH[credential.auth],
        privProtocol=privs[credential.priv],
    )


def _plain(value: Any) -> Value:
    if isinstance(value, rfc1902.OctetString) and not isinstance(value, rfc1902.IpAddress):
        return bytes(value)
    if isinstance(value, rfc1902.Integer | rfc1902.Unsigned32 | rfc1902.Counter64):
        return int(value)
    return str(value.prettyPrint())
