"""From the message to the event: the way of a line of syslog."""

from typing import Any

from netmon_agent.receivers.desk import Desk
from netmon_agent.receivers.gate import Gate
from netmon_agent.receivers.storms import MALFORMED
from netmon_agent.receivers.syslog import event_of


class LineReader:
    """Makes an event of every line that may come in and says something."""

    def __init__(self, gate: Gate, desk: Desk) -> None:
        self.gate = gate
        self._desk = desk

    def take(self, message: bytes, source: str, _address: Any = None) -> None:
        """Takes a message from a source."""
        if not self.gate.admits(source):
            return
        event = event_of(message, source, self._desk.now_ms())
        if event.text or event.fields:
            self._desk.accept(event)
        else:
            self.gate.leave_out(MALFORMED, source, "nothing in it")
