"""Whether what was sent is what a scenario says, in words."""

from collections import Counter
from collections.abc import Iterator

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.incident import Incident
from netmon_collector.alerts.rehearsal.language import Check, IncidentText, Scenario, Sent
from netmon_collector.alerts.rehearsal.stage import Collector, Heard, World
from netmon_collector.reachability.ledger import Ledger


def judged(scenario: Scenario, world: World, collector: Collector) -> Iterator[str]:
    """What was otherwise at the end than a scenario says."""
    yield from _judge_sent(scenario, world)
    yield from _judge_order(world, scenario.start_ms)
    counts = collector.outbox.counts()
    for state, number in (scenario.receipts or {}).items():
        if counts.get(state, 0) != number:
            yield f"receipts: {number} {state} expected, there are {counts.get(state, 0)}"
    for kind, number in scenario.log.items():
        if world.log[kind] != number:
            yield f"log: {number} entries {kind} expected, there are {world.log[kind]}"
    if scenario.incidents is not None:
        yield from _judge_incidents(scenario.incidents, collector.book.all())


def judged_now(check: Check, ledger: Ledger, at_ms: int) -> Iterator[str]:
    """What is otherwise in the network than a check says."""
    where, standings = f"check at {_span(at_ms)}", ledger.standings
    for device, state in check.states.items():
        is_now = standings[device].state if device in standings else "not known"
        if is_now != state:
            yield f"{where}: {device} must be {state}, it is {is_now}"
    counts = Counter(one.state for one in standings.values())
    for state, number in check.count.items():
        if counts[state] != number:
            yield f"{where}: {number} devices must be {state}, {counts[state]} are"
    for what, wanted, found in (
        ("blind", check.blind, sorted(ledger.blind)),
        ("paged", check.paged, sorted(device for device, one in standings.items() if one.page is not None)),
    ):
        if wanted is not None and sorted(wanted) != found:
            yield f"{where}: {what} must be {_list(sorted(wanted))}, {_list(found)} are"


def _judge_sent(scenario: Scenario, world: World) -> Iterator[str]:
    """Messages in the order of their decision, then of their groups and receivers, each against its line."""
    heard = sorted(world.heard, key=lambda one: (_decided_ms(one), one.message.notification.group_key, one.receiver))
    for place in range(max(len(heard), len(scenario.sent))):
        wanted = scenario.sent[place] if place < len(scenario.sent) else None
        found = heard[place] if place < len(heard) else None
        if wanted is None or found is None or not _fits(wanted, found, scenario):
            told = "nothing" if found is None else _shown(found, scenario)
            line = "nothing more" if wanted is None else _line(wanted)
            yield f"sent, message {place + 1}: expected {line}; was {told}"


def _judge_order(world: World, start_ms: int) -> Iterator[str]:
    """News of one group reach each receiver in their order, each once."""
    lanes: dict[tuple[str, str], list[Heard]] = {}
    for one in world.heard:
        lanes.setdefault((one.receiver, one.message.notification.group_key), []).append(one)
    for (receiver, _), heard in lanes.items():
        times = [_decided_ms(one) for one in heard]
        if times != sorted(times):
            yield f"order: {receiver} was told in the order {_list([_span(one - start_ms) for one in times])}"
    twice = [key for key, number in Counter(one.message.notification.key for one in world.heard).items() if number > 1]
    if twice:
        yield f"doubles: {len(twice)} messages arrived more than once"


def _judge_incidents(wanted: tuple[IncidentText, ...], found: list[Incident]) -> Iterator[str]:
    if len(wanted) != len(found):
        yield f"incidents: {len(wanted)} expected, there are {len(found)}: {_list([one.title for one in found])}"
    for number, (text, one) in enumerate(zip(wanted, found, strict=False), 1):
        told: dict[str, object] = {
            "open": one.closed_ms is None,
            "title": one.title,
            "severity": one.severity,
            "groups": tuple(member.title for member in one.ranked()),
            "why": tuple(member.why for member in one.members),
            "timeline": tuple(str(entry.kind) for entry in one.timeline),
            "shadows": {cause: len(devices) for cause, devices in one.shadows.items()},
            "merged_into": one.merged_into or None,
        }
        for name in text.model_fields_set:
            if getattr(text, name) != told[name]:
                yield f"incident {number}: {name} must be {getattr(text, name)!r}, is {told[name]!r}"


def _fits(wanted: Sent, found: Heard, scenario: Scenario) -> bool:
    news, at_ms = found.message.notification, _decided_ms(found) - scenario.start_ms
    first_ms, last_ms = wanted.between_ms or (wanted.at_ms or 0, wanted.at_ms or 0)
    arrived_ms, limits = found.at_ms - scenario.start_ms, wanted.arrives_ms
    return (
        first_ms <= at_ms <= last_ms
        and found.receiver == wanted.to
        and _values(wanted.fires, news.firing, scenario.by) == wanted.fires
        and _values(wanted.over, news.resolved, scenario.by) == wanted.over
        and (limits is None or limits[0] <= arrived_ms <= limits[1])
    )


def _values(wanted: object, alerts: tuple[Alert, ...], by: str) -> int | tuple[str | None, ...]:
    """What a message says, in the manner in which the scenario says it."""
    return len(alerts) if isinstance(wanted, int) else tuple(dict(one.labels).get(by) for one in alerts)


def _decided_ms(one: Heard) -> int:
    return one.message.notification.at_ms


def _line(sent: Sent) -> str:
    when = _span(sent.at_ms) if sent.at_ms is not None else "between " + " and ".join(map(_span, sent.between_ms or ()))
    arrives = f", arriving between {' and '.join(map(_span, sent.arrives_ms))}" if sent.arrives_ms else ""
    return f"{when} to {sent.to}: fires {_told(sent.fires)}, over {_told(sent.over)}{arrives}"


def _shown(found: Heard, scenario: Scenario) -> str:
    news = found.message.notification
    fires, over = (_values((), alerts, scenario.by) for alerts in (news.firing, news.resolved))
    when, arrived = _span(_decided_ms(found) - scenario.start_ms), _span(found.at_ms - scenario.start_ms)
    late = f", arrived at {arrived}" if arrived != when else ""
    return f"{when} to {found.receiver}: fires {_told(fires)}, over {_told(over)}{late}"


def _told(names: object) -> str:
    if isinstance(names, int):
        return str(names)
    assert isinstance(names, tuple)
    return _list([str(one) for one in names])


def _list(names: list[str]) -> str:
    more = len(names) - 10
    return f"[{', '.join(names[:10])}{f' and {more} more' if more > 0 else ''}]"


def _span(ms: int) -> str:
    return f"{ms / 1000:g}s"
