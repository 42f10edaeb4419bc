"""The gather groups that a store knows: the same labels and kinds are the same group."""

from collections.abc import Sequence

from netmon_collector.store.base import Group
from netmon_collector.store.labels import LabelIndex
from netmon_collector.store.record import GatherGroup
from netmon_proto.model import Kind, Labels


class Groups:
    """Gives each gather group its number, from 0 upwards. Belongs to one thread."""

    def __init__(self, index: LabelIndex) -> None:
        self._index = index
        self._known: dict[tuple[bytes, bytes], GatherGroup] = {}

    def register(self, labels: Sequence[Labels], kinds: Sequence[Kind]) -> GatherGroup:
        """The group of these series. Raises ValueError for labels that cannot be stored."""
        if len(set(labels)) != len(labels) or len(labels) != len(kinds):
            raise ValueError("a gather group needs one kind for each series, and no series twice")
        _check_text(labels)
        series = self._index.add(labels)
        key = (series.tobytes(), bytes(kinds))
        group = self._known.get(key)
        if group is None:
            group = self._known[key] = GatherGroup(
                len(self._known), self._index.view(series), tuple(kinds), series, self
            )
        return group

    def of(self, group: Group) -> GatherGroup:
        """What stands behind a registered group. Raises ValueError for one that another store registered."""
        own = group.ref
        if type(own) is not GatherGroup or own.owner is not self:
            raise ValueError("this group is not registered with this store")
        return own


def _check_text(series: Sequence[Labels]) -> None:
    """Lone surrogates would only show when the group's first commit is written, and fail all that is in it."""
    try:
        "".join(text for labels in series for pair in labels for text in pair).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"labels must be valid Unicode: {error.object[error.start]!r} is not") from error
