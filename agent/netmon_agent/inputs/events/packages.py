"""Tells which packages of this host were installed, upgraded or removed, by the logs of package managers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, PrivateAttr

from netmon_agent.inputs.events.changes import Change, ChangeSource
from netmon_agent.inputs.events.followed import Followed, Place
from netmon_agent.inputs.events.package_logs import changes_in
from netmon_configs.options import FilePath

LOGS: Final = tuple(
    Path("/var/log") / name
    for name in ("dpkg.log", "dnf.rpm.log", "dnf5.log", "yum.log", "zypp/history", "pacman.log", "apk.log")
)


class PackagesInput(ChangeSource):
    """Follows those of the logs that there are."""

    source: ClassVar[str] = "packages"
    kind: ClassVar[str] = "package.changed"
    noun: ClassVar[str] = "package"
    counter: ClassVar[str] = "netmon_packages_changed_total"

    type: Literal["packages"]
    logs: tuple[FilePath, ...] = Field(default=LOGS, min_length=1, max_length=20)
    _followed: list[Followed] = PrivateAttr(default_factory=list)
    _trouble: str | None = PrivateAttr(default=None)
    _goes_on: bool = PrivateAttr(default=False)

    @property
    def trouble(self) -> str | None:
        return self._trouble

    def look(self, now_ms: int) -> Sequence[Change]:
        if not self._followed:
            self._followed = [Followed(log) for log in self.logs]
            self.go_on(self._take)
        self._trouble = None
        found: list[Change] = []
        for log, followed in zip(self.logs, self._followed, strict=True):
            try:
                lines = list(followed.lines())
            except OSError as error:  # the others are read nevertheless
                self._trouble = f"{log}: {error.strerror}"
            else:
                time_ms = min(now_ms, followed.written_ms or now_ms) if self._goes_on else now_ms
                found += [
                    Change(time_ms, str(one)) for one in changes_in(line.decode("utf-8", "replace") for line in lines)
                ]
        self._goes_on = False
        return found

    def seen(self) -> dict[str, Any] | None:
        places = {str(log): followed.place for log, followed in zip(self.logs, self._followed, strict=False)}
        return {"logs": {log: place for log, place in places.items() if place is not None}} if places else None

    def _take(self, seen: Mapping[str, Any]) -> None:
        try:
            for log, followed in zip(self.logs, self._followed, strict=True):
                if str(log) in seen["logs"]:
                    followed.go_on(Place(*seen["logs"][str(log)]))
                    self._goes_on = True
        except (LookupError, TypeError) as error:
            raise ValueError(f"it is not what is written there: {error!r}") from error

    async def close(self) -> None:
        await super().close()
        for followed in self._followed:
            followed.close()
