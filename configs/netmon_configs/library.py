"""All profiles: those that come with netmon, and those of a folder of one's own, which win over ours by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from netmon_configs.load import parse, read
from netmon_configs.mistakes import ConfigError, Mistake
from netmon_configs.profile import Profile, System
from netmon_configs.wording import did_you_mean

DEEPEST = 8
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Library:
    """Profiles by name, each with those that it builds on, from the most particular to the most general.

    Those of one's own folder come first: of systems that fit a device as well as each other, the first counts.
    """

    layers: Mapping[str, tuple[Profile, ...]] = field(default_factory=dict)

    def systems(self) -> Iterator[tuple[str, System]]:
        for name, layers in self.layers.items():
            for system in layers[0].systems:
                yield name, system


def packaged() -> dict[str, str]:
    """The text of the profiles that come with netmon, by name."""
    folder = resources.files("netmon_configs").joinpath("profiles")
    files = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return {name.removesuffix(".yaml"): files[name].read_text(encoding="utf-8") for name in sorted(files)}


def open_library(folder: Path | None = None) -> Library:
    """Reads our profiles and those in `folder`. Raises ConfigError with all that is wrong with all of them."""
    texts = packaged()
    own = {path.stem: (read(path), str(path)) for path in sorted(folder.glob("*.yaml"))} if folder else {}
    ours = {name: (text, "") for name, text in texts.items() if name not in own}
    return _Reader({**own, **ours}).read_all()


class _Reader:
    """Reads each profile once, after those that it builds on, so that their objects' names are known."""

    def __init__(self, texts: Mapping[str, tuple[str, str]]) -> None:
        self._texts = texts
        self._read: dict[str, tuple[Profile, ...]] = {}
        self._objects: dict[str, dict[str, str]] = {}
        self._mistakes: list[Mistake] = []

    def read_all(self) -> Library:
        for name in self._texts:
            self._layers(name, ())
        if self._mistakes:
            raise ConfigError(self._mistakes)
        return Library(self._read)

    def _layers(self, name: str, above: tuple[str, ...]) -> tuple[Profile, ...]:
        if name in self._read:
            return self._read[name]
        text, path = self._texts[name]
        self._read[name] = ()
        try:
            parents = self._parents(name, text, path, (*above, name))
            names: dict[str, str] = {}
            for parent in parents:
                names |= self._objects.get(parent, {})
            profile = _trusted(text, names) if not path else parse(text, path, Profile, {"objects": names})
        except ConfigError as error:
            self._mistakes += error.mistakes
            return ()
        self._objects[name] = names
        layers = [profile]
        for parent in parents:
            layers += [layer for layer in self._read[parent] if layer not in layers]
        self._read[name] = tuple(layers)
        return self._read[name]

    def _parents(self, name: str, text: str, path: str, above: tuple[str, ...]) -> list[str]:
        found = _extends(text)
        parents = ["standard"] if found is None and name != "standard" else found or []
        for parent in parents:
            if parent not in self._texts:
                hint = did_you_mean(parent, list(self._texts))
                raise ConfigError([Mistake(path or name, _line(text), "extends", f"no such profile '{parent}'{hint}")])
            if parent in above or len(above) > DEEPEST:
                chain = " > ".join((*above, parent))
                raise ConfigError([Mistake(path or name, _line(text), "extends", f"goes in a circle: {chain}")])
            self._layers(parent, above)
        return parents


def _extends(text: str) -> list[str] | None:
    """What a profile builds on, before it is checked; what is no list of names is told by the check."""
    try:
        tree = yaml.load(text, _Loader)  # noqa: S506 - CSafeLoader is safe
    except yaml.YAMLError:
        return []
    written = tree.get("extends") if isinstance(tree, dict) else None
    if written is None:
        return None if isinstance(tree, dict) and "extends" not in tree else []
    return [one for one in written if isinstance(one, str)] if isinstance(written, list) else []


def _line(text: str) -> int:
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith("extends:")]
    return lines[0] if lines else 0


def _trusted(text: str, names: dict[str, str]) -> Profile:
    """One of our own, by libyaml, which is ten times as fast; a test reads all of them in the strict way too."""
    return Profile.model_validate(_keyed(yaml.load(text, _Loader)), context={"objects": names}, by_alias=True)  # noqa: S506


def _keyed(tree: Any) -> Any:
    """Keys as text, as the strict reader has them."""
    if isinstance(tree, dict):
        return {str(key): _keyed(value) for key, value in tree.items()}
    return [_keyed(one) for one in tree] if isinstance(tree, list) else tree
