"""From the datagram to the event: the way of a trap, and the answer to an inform."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netmon_agent.receivers.desk import Desk
from netmon_agent.receivers.gate import Gate
from netmon_agent.receivers.names import Names
from netmon_agent.receivers.notification import Malformed, Notification, decode, version_of
from netmon_agent.receivers.storms import MALFORMED, STRANGER
from netmon_agent.receivers.telling import event_of

if TYPE_CHECKING:
    from netmon_agent.receivers.secured import Secured

Reply = Callable[[bytes, Any], None]
"""Sends a datagram to an address as the socket has it."""


class TrapReader:
    """Makes an event of every notification that may come in."""

    def __init__(
        self,
        gate: Gate,
        desk: Desk,
        names: Names,
        reply: Reply,
        communities: frozenset[bytes] | None = None,
        secured: "Secured | None" = None,
    ) -> None:
        """Without `communities` any will do; without `secured` nobody may send with version 3."""
        self._gate = gate
        self._desk = desk
        self._names = names
        self._reply = reply
        self._communities = communities
        self._secured = secured

    def take(self, message: bytes, source: str, address: Any) -> None:
        """Takes a datagram from a source, which is `address` to the socket."""
        if not self._gate.admits(source):
            return
        replies: list[bytes] = []
        try:
            if version_of(message) == "3":
                told, replies = self._unlock(message, address)
            else:
                told = decode(message)
        except Malformed as error:
            self._gate.leave_out(MALFORMED, source, str(error))
            return
        if told is None:
            self._send(replies, address)
        elif self._communities is not None and told.version != "3" and told.community not in self._communities:
            self._gate.leave_out(STRANGER, source, "another community")
        else:
            self._pass_on(told, source, [told.reply] if told.reply else replies, address)

    def _unlock(self, message: bytes, address: Any) -> tuple[Notification | None, list[bytes]]:
        if self._secured is None:
            raise Malformed("version 3, and the receiver has no users")
        return self._secured.take(message, address)

    def _pass_on(self, told: Notification, source: str, replies: list[bytes], address: Any) -> None:
        event = event_of(told, source, self._names, self._desk.now_ms())
        if replies:
            self._desk.accept(event, lambda: self._send(replies, address), told.request_id)
        else:
            self._desk.accept(event)

    def _send(self, replies: list[bytes], address: Any) -> None:
        for reply in replies:
            self._reply(reply, address)
