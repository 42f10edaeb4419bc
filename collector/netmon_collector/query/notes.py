"""Annotations: what a query's author should know about its answer, in Prometheus' words."""

from netmon_collector.query.syntax.literals import go_quoted
from netmon_collector.query.syntax.nodes import Node, bare


class Notes:
    """Collects warnings and infos, each once, with the place in the text that they are about."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}

    @property
    def warnings(self) -> list[str]:
        return list(self._warnings)

    @property
    def infos(self) -> list[str]:
        return list(self._infos)

    def warn(self, node: Node, message: str) -> None:
        self._warnings[f"PromQL warning: {message} ({self._place(node)})"] = None

    def inform(self, node: Node, message: str) -> None:
        self._infos[f"PromQL info: {message} ({self._place(node)})"] = None

    def _place(self, node: Node) -> str:
        """Of what stands in any parentheses; as line and column, in bytes."""
        lines = self._text[: bare(node).start].split("\n")
        return f"{len(lines)}:{len(lines[-1].encode()) + 1}"


def of_metric(name: str) -> str:
    """The end of a message about series that may have a name."""
    return f" for metric name {go_quoted(name)}" if name else ""
