"""How heavy values are, so that what a template makes on its way stays within bounds, not only what comes out of it."""

from typing import Final

from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.values import Given, Sample, Value

DEEPEST: Final = 40
_PLAIN: Final = 8
"""Of a number, or anything else that is small, and for each place in a list or a map."""


class Scales:
    """Adds up what functions take and give. Raises TemplateError where that is more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most

    def put(self, value: Value, depth: int = 0) -> None:
        """As many characters as a value has when it is printed, more or less; parts that it has twice count twice."""
        if depth > DEEPEST:
            raise TemplateError("values are nested too deeply")
        match value:
            case str():
                self._take(len(value))
            case list():
                self._take(_PLAIN * (1 + len(value)))
                for one in value:
                    self.put(one, depth + 1)
            case dict():
                self._take(_PLAIN * (1 + len(value)) + sum(map(len, value)))
                for one in value.values():
                    self.put(one, depth + 1)
            case Sample() | Given():
                self.put(value.labels, depth + 1)
            case _:
                self._take(_PLAIN)

    def _take(self, weight: int) -> None:
        self._left -= weight
        if self._left < 0:
            raise TemplateError(f"handles more than {self._most} characters")
