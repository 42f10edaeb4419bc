"""Labels and annotations of alerts: templates that are read once and filled in for each series."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from netmon_collector.query.answer import Answer, QueryError, Shape
from netmon_collector.rules.template.evaluate import fill
from netmon_collector.rules.template.nodes import Template, TemplateError, Text
from netmon_collector.rules.template.parser import parse_template
from netmon_collector.rules.template.values import Given, Sample
from netmon_proto.model import Labels

MOST_QUERIES: Final = 20
"""Of one template."""
_KEPT: Final = 4096

AskAt = Callable[[str, int], Awaitable[Answer]]
"""What an expression comes to at a time, Unix milliseconds. Raises QueryError."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What is the same for all alerts: labels that are added to what leaves the collector, and its own URL."""

    labels: Labels = ()
    url: str = ""


class _NotAsked(Exception):
    """A template asks what nobody has asked yet."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@lru_cache(_KEPT)
def compiled(text: str) -> Template:
    """The tree of a template. Raises TemplateError."""
    return parse_template(text)


async def filled(name: str, text: str, given: Given, ask: AskAt, now_ms: int) -> str:
    """The text of a template; where it cannot be filled in, that is told in its place, as Prometheus does.

    name: of the alert. A template is filled in without waiting; what it asks is asked for in between.
    """
    try:
        template = compiled(text)
        if len(template.body) == 1 and isinstance(plain := template.body[0], Text):
            return plain.text
        answers: dict[str, list[Sample]] = {}

        def known(query: str) -> list[Sample]:
            if query not in answers:
                raise _NotAsked(query)
            return answers[query]

        while True:
            try:
                return fill(template, given, known, now_ms).encode(errors="replace").decode()  # bytes that are no text
            except _NotAsked as wanted:
                if len(answers) >= MOST_QUERIES:
                    raise TemplateError(f"asks more than {MOST_QUERIES} queries") from None
                answers[wanted.text] = samples_of(await ask(wanted.text, now_ms))
    except (TemplateError, QueryError) as error:
        return f"<error expanding template: error executing template __alert_{name}: {error}>"


def samples_of(answer: Answer) -> list[Sample]:
    """The answer to an instant query as templates see it."""
    if answer.shape is Shape.STRING:
        return [Sample({"__value__": answer.text or ""}, 0.0)]
    if answer.shape is Shape.MATRIX:
        raise TemplateError("a query in a template must come to an instant vector or a scalar")
    values = answer.values[:, 0].tolist() if len(answer.labels) else []
    return [Sample(dict(labels), value) for labels, value in zip(answer.labels, values, strict=True)]


def is_steady(text: str) -> bool:
    """Whether a template gives the same for the same labels and value at any time."""
    try:
        return not compiled(text).asks
    except TemplateError:
        return True
