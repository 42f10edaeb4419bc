"""What a channel is: a way to tell people or programs of alerts."""

from dataclasses import dataclass
from typing import Protocol

from netmon_collector.alerts.decision import Notification


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is to send.

    url: where the collector can be seen by people, without a slash at its end; "" where nobody said.
    reference: what the channel gave for the last message of the same group, such as the thread of a chat, or "".
    attempt: 1 for the first; a receiver may know doubles by `notification.key`.
    cause: what has probably caused the incident, in words; "" where nobody knows.
    """

    notification: Notification
    url: str = ""
    reference: str = ""
    attempt: int = 1
    cause: str = ""


class Channel(Protocol):
    """Sends messages; one instance per endpoint. It never retries, sleeps or logs: the delivery does so for all.

    `send` takes 30 s at most and is cancelled then. It may be called for several groups at a time, for one group
    always in the order of what is to be told.
    """

    async def send(self, message: Message) -> str:
        """Returns once the receiver has taken the message: a reference for what follows in this group, or "". Raises
        NotDelivered; whatever else it raises counts as one that may pass."""
        ...

    async def close(self) -> None:
        """Gives back connections. Nothing is sent after that."""
        ...


class NotDelivered(Exception):
    """A message did not arrive; says why, without secrets.

    permanent: trying again would not help. retry_after_s: when the receiver wants to be asked again, if it said so.
    """

    def __init__(self, reason: str, *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
