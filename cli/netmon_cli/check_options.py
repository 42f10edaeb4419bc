"""What the command line says of a check, as the collector takes it: files are read here, and go as what is in them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from netmon_cli.failure import Exit, Failure
from netmon_configs.load import ConfigError, read
from netmon_configs.options import split_address
from netmon_configs.secrets import NoSecret, Source
from netmon_configs.tree import read_tree

_WHOLE: Final[Mapping[str, str]] = {"http": "url", "dhcp": "interface"}
"""Options that a target as a whole is."""
_WITHOUT_PORT: Final = frozenset({"path"})


def options_of(
    kind: str,
    targets: Sequence[str],
    sets: Sequence[str],
    file: Path | None,
    interval_s: float | None,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """An entry of `inputs` as in agent.yaml: of a file, over which the command line goes. Raises Failure."""
    options: dict[str, Any] = {"type": kind}
    if file is not None:
        options |= _contents(_from_file(file), file.absolute().parent, environment)
    options |= _of_targets(kind, targets)
    for text in sets:
        _set(options, text, environment)
    if interval_s is not None:
        options["interval"] = interval_s
    return options


def _from_file(file: Path) -> dict[str, Any]:
    try:
        tree, mistakes = read_tree(read(file), str(file))
        if mistakes:
            raise ConfigError(mistakes)
    except ConfigError as error:
        raise Failure(Exit.USAGE, str(error)) from None
    if not isinstance(tree.value, dict):
        raise Failure(Exit.USAGE, f"{file}: must be a block of options")
    return tree.value


def _of_targets(kind: str, targets: Sequence[str]) -> dict[str, Any]:
    if not targets:
        return {}
    if kind == "ping":
        return {"targets": list(targets)}
    if len(targets) > 1:
        raise Failure(Exit.USAGE, f"a check of type {kind} has one target; ping alone takes several")
    (target,) = targets
    if kind in _WHOLE:
        return {_WHOLE[kind]: target}
    has_port = target.startswith("[") or target.count(":") == 1
    if kind in _WITHOUT_PORT or not has_port:
        return {"host": target.removeprefix("[").removesuffix("]")}
    try:
        host, port = split_address(target)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"{target}: {error}") from None
    return {"host": host, "port": port}


def _set(options: dict[str, Any], text: str, environment: Mapping[str, str]) -> None:
    """Takes note of KEY=VALUE, where dots lead into blocks."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise Failure(Exit.USAGE, f"--set {text.partition('=')[0]}: must be an option and its value, as status=[200]")
    *blocks, name = key.split(".")
    for block in blocks:
        options = options.setdefault(block, {})
        if not isinstance(options, dict):
            raise Failure(Exit.USAGE, f"--set {key}: {block} is no block of options")
    if name.endswith(("_file", "_env")):
        options |= _contents({name: value}, Path(), environment)
    else:
        options[name] = _value(value)


def _value(text: str) -> Any:
    """As it would be read in a configuration file; what is no YAML is text. `null` takes an option back."""
    if text == "null":
        return None
    try:
        tree, mistakes = read_tree(text, "")
    except ConfigError:
        return text
    return text if mistakes or not text else tree.value


def _contents(options: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """With what is in files and variables instead of their names."""
    told: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            told[name] = _contents(value, folder, environment)
        elif isinstance(value, str) and name.endswith(("_file", "_env")):
            told[name.rpartition("_")[0]] = _read(name, value, folder, environment)
        else:
            told[name] = value
    return told


def _read(name: str, value: str, folder: Path, environment: Mapping[str, str]) -> str | None:
    source = Source(variable=value) if name.endswith("_env") else Source(file=folder / value)
    try:
        return source.read(environment)
    except NoSecret as error:
        raise Failure(Exit.USAGE, f"{name}: {error}") from None
