"""What is told of how devices stand: as series, and as entries in the log of events."""

from collections.abc import Iterator, Mapping
from typing import Final

from netmon_collector.reachability.ledger import Change, Judgement, Ledger
from netmon_collector.reachability.standing import CODES, Standing, State
from netmon_collector.rules.writing import Ledger as Results
from netmon_collector.state.events import NewEvent
from netmon_proto.model import NAME, Labels, Severity

JOB: Final = "reachability"
SOURCE: Final = "netmon"
_GRAVITY: Final = {State.DOWN: Severity.ERROR, State.UNREACHABLE: Severity.WARNING, State.DEGRADED: Severity.WARNING}


def note_series(ledger: Ledger, results: Results, now_ms: int) -> None:
    """Has written, with the next flush, how devices stand, for whom people are to be told, and which pollers see
    nothing."""
    standings = ledger.standings
    states = {_labels("netmon_device_state", one): CODES[standing.state] for one, standing in standings.items()}
    pages = {
        _labels("netmon_device_page", one): float(standing.page.count)
        for one, standing in standings.items()
        if standing.page is not None
    }
    shadows = {_labels("netmon_device_shadows", one): float(len(behind)) for one, behind in ledger.shadows.items()}
    blind = dict.fromkeys((_labels("netmon_poller_blind", one) for one in ledger.blind), 1.0)
    for key, series in (("state", states), ("page", pages), ("shadows", shadows), ("blind", blind)):
        results.note(f"{JOB} {key}", series, now_ms)


def worth_keeping(judgement: Judgement) -> dict[str, Standing | None]:
    """What changed that a restart must not make new; None: nothing needs to be known of a device any more."""
    return {
        change.device: change.standing if change.standing.is_worth_keeping else None
        for change in judgement.changes
        if change.standing.state is not State.UNKNOWN  # which says nothing that was not known before
    }


class Chronicler:
    """Makes entries in the log of events of what changed. A device that is found well after a start is no news, nor is
    that nobody has told of it yet."""

    def __init__(self, before: Mapping[str, Standing] | None = None) -> None:
        """before: how devices stood before a restart."""
        self._said: dict[str, State] = {device: one.state for device, one in (before or {}).items()}
        self._heard: set[str] = set()

    def entries(self, judgement: Judgement, now_ms: int) -> Iterator[NewEvent]:
        """The entries on a judgement."""
        for poller in judgement.blinded:
            yield _entry(
                poller, "poller.blind", Severity.ERROR, "sees nothing: what it misses counts against nobody", now_ms
            )
        for poller in judgement.seeing:
            yield _entry(poller, "poller.sees", Severity.NOTICE, "sees again", now_ms)
        for change in judgement.changes:
            state = change.standing.state
            if state is State.UNKNOWN and change.device not in self._heard:
                continue
            self._heard.add(change.device)
            if self._said.get(change.device, State.UP) is not state:
                yield _of_device(change, self._said.get(change.device, State.UP), now_ms)
            self._said[change.device] = state

    def forget(self, devices: Mapping[str, object]) -> None:
        """Forgets all devices but these."""
        self._said = {device: state for device, state in self._said.items() if device in devices}
        self._heard.intersection_update(devices)


def _of_device(change: Change, before: State, now_ms: int) -> NewEvent:
    standing = change.standing
    evidence = "; ".join(standing.evidence)
    text = f"{change.device} is {standing.state}" + (f": {evidence}" if evidence else "")
    fields = {"before": str(before), "state": str(standing.state), "evidence": evidence}
    if standing.shadowed_by:
        fields["behind"] = ", ".join(standing.shadowed_by)
    severity = _GRAVITY.get(standing.state, Severity.NOTICE)
    return _entry(change.device, f"device.{standing.state}", severity, text, now_ms, fields)


def _entry(
    device: str, kind: str, severity: Severity, text: str, now_ms: int, fields: Mapping[str, str] | None = None
) -> NewEvent:
    return NewEvent(now_ms, device, SOURCE, kind, int(severity), 1, text, "", fields or {})


def _labels(name: str, instance: str) -> Labels:
    return (NAME, name), ("instance", instance), ("job", JOB)
