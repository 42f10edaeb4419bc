"""Where rule files come from: what netmon ships, a folder, and what was saved through the API."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final

from netmon_collector.rules.files import RuleFile, parse_rules
from netmon_configs.load import read
from netmon_configs.mistakes import ConfigError, Mistake

SHIPPED: Final = "netmon"
SAVED: Final = "saved"
MOST_FILES: Final = 1000

Read = Callable[[], Sequence[tuple[str, str]]]
"""Names and texts of saved files."""


@dataclass(slots=True)
class _Source:
    """A file as it was read last: by what it is known to have changed, and its rules, the last that were right."""

    version: object
    rules: RuleFile | None = None
    mistakes: Sequence[Mistake] = field(default_factory=tuple)


class Sources:
    """All rule files. Of one with mistakes, or in a folder that cannot be read, the rules stay as they were."""

    def __init__(self, folders: Sequence[Path], saved: Read, *, shipped: bool = True) -> None:
        self._folders = folders
        self._saved = saved
        self._shipped = dict(shipped_files()) if shipped else {}
        self._known: dict[str, _Source] = {}
        self._folder_mistakes: list[Mistake] = []

    def news(self) -> dict[str, object]:
        """What of the folders is not as it was read last, as it is known to have changed; None for what is gone.

        Nothing is read. Whoever finds the same twice may believe that nobody is writing.
        """
        found = {name: version for folder in self._folders for name, (version, _) in self._files_in(folder, [])}
        known = {name: one.version for name, one in self._known.items() if Path(name).parent in self._folders}
        return {name: found.get(name) for name in found.keys() | known.keys() if found.get(name) != known.get(name)}

    def look(self) -> bool:
        """Reads what has changed; whether anything had. Blocks on files and the database."""
        found = dict(self._texts())
        changed = bool(set(self._known) - set(found))
        for name in set(self._known) - set(found):
            del self._known[name]
        for name, (version, text) in sorted(found.items()):
            known = self._known.get(name)
            if known is None or known.version != version:
                changed = True
                self._known[name] = _read(name, version, text, known)
        return changed

    @property
    def files(self) -> dict[str, RuleFile]:
        """The rules that count, by the names of their files."""
        return {name: one.rules for name, one in sorted(self._known.items()) if one.rules is not None}

    @property
    def mistakes(self) -> list[Mistake]:
        """What is wrong with files as they are now."""
        return [*self._folder_mistakes, *(mistake for one in self._known.values() for mistake in one.mistakes)]

    def _texts(self) -> Iterator[tuple[str, tuple[object, Callable[[], str]]]]:
        for name, text in self._shipped.items():
            yield f"{SHIPPED}/{name}", (0, partial(str, text))
        for name, text in self._saved():
            yield f"{SAVED}/{name}", (text, partial(str, text))
        self._folder_mistakes = []
        for folder in self._folders:
            yield from self._files_in(folder, self._folder_mistakes)

    def _files_in(
        self, folder: Path, mistakes: list[Mistake]
    ) -> Iterator[tuple[str, tuple[object, Callable[[], str]]]]:
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
        except OSError as error:
            mistakes.append(Mistake(str(folder), 0, "", f"can't be read: {error.strerror}"))
            for name in [name for name in self._known if Path(name).parent == folder]:
                yield name, (self._known[name].version, str)
            return
        if len(paths) > MOST_FILES:
            mistakes.append(Mistake(str(folder), 0, "", f"holds more than {MOST_FILES} files"))
        for path in paths[:MOST_FILES]:
            try:
                told = path.stat()
            except OSError:  # it is gone by now
                continue
            yield str(path), ((told.st_mtime_ns, told.st_size, told.st_ino), partial(read, path))


def _read(name: str, version: object, text: Callable[[], str], before: _Source | None) -> _Source:
    try:
        rules = parse_rules(text(), name)
    except ConfigError as error:
        return _Source(version, before.rules if before else None, error.mistakes)
    return _Source(version, rules)


def shipped_files() -> Iterator[tuple[str, str]]:
    """Names and texts of the rule files that netmon ships."""
    folder = resources.files("netmon_configs").joinpath("rules")
    for one in sorted(folder.iterdir(), key=lambda file: file.name):
        if one.name.endswith(".yaml"):
            yield one.name, one.read_text(encoding="utf-8")
