"""A clock that goes where a test puts it."""


class HandClock:
    """Wall and boot clock, moved by hand."""

    def __init__(self, now_ms: int = 1_700_000_000_000, boot_ms: int = 1_000_000, boot_id: str = "boot-1") -> None:
        self.wall = now_ms
        self.boot = boot_ms
        self.boot_id = boot_id

    def now_ms(self) -> int:
        return self.wall

    def boot_ms(self) -> int:
        return self.boot

    def pass_ms(self, passed: int) -> None:
        """Time goes on for both."""
        self.wall += passed
        self.boot += passed
