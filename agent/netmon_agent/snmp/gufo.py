"""SNMP over the network, with gufo-snmp's sockets; nothing else in netmon knows that library.

Its asyncio client registers its socket with the loop again for each packet, which costs more than the packet. This
one registers once a session. The socket is connected, so answers from other addresses never reach us.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.pace import Pace
from netmon_agent.snmp.session import MOST_VALUES, Broken, NoAnswer, NotAllowed, Session, SnmpError, Value

if TYPE_CHECKING:
    from gufo.snmp import User
    from gufo.snmp._fast import GetIter, SnmpV1ClientSocket, SnmpV2cClientSocket, SnmpV3ClientSocket

    from netmon_agent.snmp.contexts import Contexts

    AnySocket = SnmpV1ClientSocket | SnmpV2cClientSocket | SnmpV3ClientSocket

Answer = TypeVar("Answer")

ATTEMPTS = 3
ATTEMPTS_IN_VLANS = 2
"""Most devices that are asked so and are silent know no VLANs, and were there a moment ago."""
_LEAST_TIMEOUT_OF_CONTEXTS_S = 2.0
"""What asks there is slow itself."""
_PROBE_REPETITIONS = 10
_UPTIME = "1.3.6.1.2.1.1.3.0"
_RECEIVE_BYTES = 1 << 18


class OutOfTime(SnmpError):
    """The device's time for this poll is used up."""

    def __init__(self) -> None:
        super().__init__("its time for one poll is used up", permanent=True)


async def connect(host: str, port: int, credential: Credential, pace: Pace, budget_s: float) -> "GufoSession":
    """Opens a conversation; version 3 asks for the engine and its clock. Raises SnmpError. Close it after use."""
    deadline_s = time.monotonic() + budget_s
    session = GufoSession(await _resolve(host, port), pace, deadline_s, credential)
    try:
        await session.begin()
    except BaseException:
        session.close()
        raise
    return session


class GufoSession:
    """A conversation with one device; see `Session` for what it promises."""

    def __init__(
        self, address: str, pace: Pace, deadline_s: float, credential: Credential, attempts: int = ATTEMPTS
    ) -> None:
        """Raises SnmpError where the address cannot be reached from here."""
        self._attempts = attempts
        self._address = address
        self._socket = opened = _open(address, credential)
        self._contexts: Contexts | None = None
        self._pace = pace
        self._deadline_s = deadline_s
        self._credential = credential
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._noise = ""
        self._fd = opened.get_fd()
        self._loop.add_reader(self._fd, self._readable)

    def close(self) -> None:
        """Lets the socket go; safe to call again."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._fd = -1
        if self._contexts is not None:
            self._contexts.close()
            self._contexts = None

    @contextlib.asynccontextmanager
    async def within(self, vlan: str) -> "AsyncIterator[Session]":
        """The device as it is in one of its VLANs: community@vlan, or the context vlan-N of version 3."""
        if self._credential.version == "3":
            yield self._in_contexts().named(f"vlan-{vlan}")
            return
        community = self._credential.community
        assert community is not None
        inner = SecretStr(f"{community.get_secret_value()}@{vlan}")
        credential = self._credential.model_copy(update={"community": inner})
        session = GufoSession(self._address, self._pace, self._deadline_s, credential, ATTEMPTS_IN_VLANS)
        try:
            yield session
        finally:
            session.close()

    def _in_contexts(self) -> "Contexts":
        if self._contexts is None:
            from netmon_agent.snmp.contexts import Contexts

            host, _, port = self._address.rpartition(":")
            place = host.strip("[]"), int(port)
            timeout_s = max(_LEAST_TIMEOUT_OF_CONTEXTS_S, self._pace.timeout_s)
            self._contexts = Contexts(place, self._credential, timeout_s, self._deadline_s)
        return self._contexts

    async def begin(self) -> None:
        """For version 3: learns the device's engine, localises our keys, and learns its boots and time."""
        if self._credential.version != "3":
            return
        opened: SnmpV3ClientSocket = self._socket  # type: ignore[assignment]
        await self._exchange(opened.send_refresh, opened.recv_refresh)
        user = _user(self._credential)
        opened.set_keys(user.name, user.get_auth_alg(), user.get_auth_key(), user.get_priv_alg(), user.get_priv_key())
        if user.require_auth():
            await self._exchange(opened.send_refresh, opened.recv_refresh)

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        """sysUpTime is always asked with several others: an answer without it is an error, such as tooBig."""
        if len(oids) == 1:
            return await self._get(list(oids))
        asked = list(oids) if _UPTIME in oids else [*oids, _UPTIME]
        found = await self._get(asked)
        if not found:
            half = len(oids) // 2
            return {**await self.get(oids[:half]), **await self.get(oids[half:])}
        return {oid: found[oid] for oid in oids if oid in found}

    async def _get(self, oids: list[str]) -> dict[str, Value]:
        found = await self._exchange(lambda: self._socket.send_get_many(oids), self._socket.recv_get_many)
        return {oid: value for oid, value in found.items() if value is not None}

    async def walk(self, oid: str, rows: int = 0, most: int = MOST_VALUES) -> Mapping[str, Value]:
        """GETBULK, or GETNEXT with version 1. A walk that gets no answer starts again with smaller answers.

        One row more than there are shows where the column ends; of an unknown table few are asked for, because most
        tables that a device may have it has not.
        """
        if self._credential.version == "1":
            return await self._walk(oid, 1, most)
        wanted = rows + 1 if rows else _PROBE_REPETITIONS
        while True:
            try:
                return await self._walk(oid, min(wanted, self._pace.repetitions), most)
            except NoAnswer:
                await self._get([_UPTIME])  # raises where the device is away, rather than unable to answer so much
                if not self._pace.too_much():
                    raise

    async def _walk(self, oid: str, repetitions: int, most: int) -> Mapping[str, Value]:
        from gufo.snmp._fast import GetIter

        found: dict[str, Value] = {}
        place = GetIter(oid, repetitions if repetitions > 1 or self._credential.version != "1" else None)
        cut = len(oid) + 1
        while True:
            batch = await self._next(place)
            before = len(found)
            ended = not batch or batch[-1] is None
            if ended:
                batch = [one for one in batch if one is not None]
            found.update([(one[0][cut:], one[1]) for one in batch])  # type: ignore[index,misc]
            if len(found) != before + len(batch):
                raise Broken("OIDs do not increase", _without_nothing(found))
            if ended:
                return _without_nothing(found)
            if len(found) > most:
                raise Broken(f"more than {most:,} values", _without_nothing(found))

    async def _next(self, place: "GetIter") -> Sequence[tuple[str, Value | None] | None]:
        opened = self._socket
        try:
            if self._credential.version != "1":
                return await self._exchange(lambda: opened.send_get_bulk(place), lambda: opened.recv_get_bulk(place))
            return [await self._exchange(lambda: opened.send_get_next(place), lambda: opened.recv_get_next(place))]
        except _EndOfView:
            return []

    async def _exchange(self, send: Callable[[], None], receive: Callable[[], Answer]) -> Answer:
        """One request and its answer: sent again when none comes; noise on the socket is passed over, and told."""
        self._noise = ""
        for attempt in range(self._attempts):
            left_s = self._deadline_s - time.monotonic()
            if left_s <= 0:
                raise OutOfTime
            wait_s = min(left_s, self._pace.timeout_s * 2**attempt)
            started_s = time.monotonic()
            with contextlib.suppress(BlockingIOError):  # a full send buffer is a lost packet
                self._call(send)
            try:
                async with asyncio.timeout(wait_s):
                    answer = await self._answer(receive)
            except TimeoutError:
                continue
            if attempt == 0:  # a later answer may belong to an earlier sending (Karn's rule)
                self._pace.answered(time.monotonic() - started_s)
            return answer
        noise = f"; what came is no SNMP: {self._noise}" if self._noise else ""
        raise NoAnswer(f"no answer to {self._attempts} requests{noise}")

    async def _answer(self, receive: Callable[[], Answer]) -> Answer:
        from gufo.snmp import NoSuchInstance, SnmpAuthError
        from gufo.snmp import SnmpError as GufoError

        while True:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
            try:
                return receive()
            except BlockingIOError:
                continue  # an answer to an earlier sending
            except (StopAsyncIteration, NoSuchInstance):
                raise _EndOfView from None
            except SnmpAuthError as error:
                raise NotAllowed(f"user, key or engine are refused: {error}") from None
            except GufoError as error:
                self._noise = str(error)
            except OSError as error:
                raise NoAnswer(f"nothing listens there: {error.strerror or error}") from None
            except BaseException as error:  # noqa: BLE001 - a panic in the library is none of its exceptions
                raise _unless_panic(error) from None

    def _call(self, send: Callable[[], None]) -> None:
        try:
            send()
        except BlockingIOError:
            raise
        except OSError as error:
            raise NoAnswer(f"can't be sent to: {error.strerror or error}") from None

    def _readable(self) -> None:
        if self._waiter is None:
            self._drain()
        elif not self._waiter.done():
            self._waiter.set_result(None)

    def _drain(self) -> None:
        """Takes what nobody waits for, so that the loop does not spin on it."""
        with contextlib.suppress(Exception):
            self._socket.recv_get_many()


class _EndOfView(SnmpError):
    """The device has nothing further; the end of a walk with version 1."""

    def __init__(self) -> None:
        super().__init__("end of what the device has", permanent=True)


def _unless_panic(error: BaseException) -> BaseException:
    """Octets that gufo-snmp 0.13 fails on are the device's fault: a panic in Rust, which is no Exception in Python."""
    if type(error).__name__ != "PanicException":
        return error
    return SnmpError(f"sends what can't be read: {error}", permanent=True)


def _without_nothing(found: dict[str, Value]) -> dict[str, Value]:
    """Values that are null are none."""
    return {index: value for index, value in found.items() if value is not None} if None in found.values() else found


async def _resolve(host: str, port: int) -> str:
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise SnmpError(f"no address for {host}: {error.strerror or error}") from None
    family, _, _, _, address = infos[0]
    return f"[{address[0]}]:{port}" if family == socket.AF_INET6 else f"{address[0]}:{port}"


def _open(address: str, credential: Credential) -> "AnySocket":
    from gufo.snmp._fast import SnmpV1ClientSocket, SnmpV2cClientSocket, SnmpV3ClientSocket

    try:
        if credential.version == "3":
            return SnmpV3ClientSocket(address, b"", "", 0, b"", 0, b"", 0, 0, _RECEIVE_BYTES, 0)
        assert credential.community is not None
        opener = SnmpV1ClientSocket if credential.version == "1" else SnmpV2cClientSocket
        return opener(address, credential.community.get_secret_value(), 0, 0, _RECEIVE_BYTES, 0)
    except OSError as error:
        raise SnmpError(f"{address} can't be reached from here: {error.strerror or error}") from None


def _user(credential: Credential) -> "User":
    from gufo.snmp import (
        Aes128Key,
        Aes192Key,
        Aes256Key,
        DesKey,
        KeyExpansion,
        Md5Key,
        Sha1Key,
        Sha224Key,
        Sha256Key,
        Sha384Key,
        Sha512Key,
        User,
    )

    auths = {
        "md5": Md5Key, "sha1": Sha1Key, "sha224": Sha224Key, "sha256": Sha256Key, "sha384": Sha384Key,
        "sha512": Sha512Key,
    }  # fmt: skip
    privs = {"des": DesKey, "aes128": Aes128Key, "aes192": Aes192Key, "aes256": Aes256Key}
    auth, priv = credential.auth_password, credential.priv_password
    return User(
        credential.user or "",
        auth_key=auths[credential.auth](auth.get_secret_value().encode()) if credential.auth and auth else None,
        priv_key=privs[credential.priv](priv.get_secret_value().encode()) if credential.priv and priv else None,
        key_expansion=KeyExpansion.Cisco if credential.key_expansion == "reeder" else KeyExpansion.Blumenthal,
    )
