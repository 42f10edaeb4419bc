"""What a recording rule writes down of an answer."""

from netmon_collector.query.answer import Answer
from netmon_collector.rules.alerting import RuleFailed
from netmon_collector.rules.model import Rule
from netmon_proto.model import NAME, Labels


def recorded(rule: Rule, answer: Answer, limit: int) -> dict[Labels, float]:
    """The series of a rule and their values. Raises RuleFailed where two would be the same, or they are too many."""
    values = answer.values[:, 0].tolist() if len(answer.labels) else []
    if limit and len(values) > limit:
        raise RuleFailed(f"exceeded limit of {limit} with {len(values)} series")
    own = dict(rule.labels)
    removed = frozenset(own) | {NAME}
    added = [(NAME, rule.name), *((name, value) for name, value in own.items() if value)]
    found = {
        tuple(sorted([*added, *(pair for pair in labels if pair[0] not in removed)])): value
        for labels, value in zip(answer.labels, values, strict=True)
    }
    if len(found) < len(values):
        raise RuleFailed("vector contains metrics with the same labelset after applying rule labels")
    return found
