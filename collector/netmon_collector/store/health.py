"""Told once when the store breaks and once when it works again."""

from netmon_collector.store.damage import log


class Health:
    """Whether one kind of the store's work succeeds."""

    def __init__(self, failing: str, recovered: str) -> None:
        self._failing = failing
        self._recovered = recovered
        self._broken = False

    def tell(self, error: Exception | None) -> None:
        """Notes the outcome of the latest attempt."""
        if error is not None and not self._broken:
            log.error(self._failing, error=str(error) or type(error).__name__)
        if error is None and self._broken:
            log.info(self._recovered)
        self._broken = error is not None
