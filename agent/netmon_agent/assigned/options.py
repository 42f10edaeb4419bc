"""From what the collector says of a check to the check: the same models as in agent.yaml, and the same words."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from netmon_agent.inputs.checks.base import Check
from netmon_agent.inputs.registry import CHECKS
from netmon_configs.load import ConfigError, Mistake, judge
from netmon_configs.wording import did_you_mean

HIDDEN = "**********"
_MAY_BE_SECRET = frozenset({"body", "headers", "send", "send_hex"})
"""Options that are no secrets by themselves, but hold what people put there."""


def check_of(options: dict[str, Any]) -> Check:
    """The check that options describe, as an entry of `inputs` does. Raises ConfigError.

    It names nothing of the machine that it is made on: who may assign checks may not have files read and sent.
    """
    kind = options.get("type")
    if kind is None:
        raise _mistake("type", "is missing")
    if kind not in CHECKS:
        raise _mistake("type", f"must be one of {', '.join(sorted(CHECKS))}{did_you_mean(str(kind), list(CHECKS))}")
    check = judge(options, CHECKS[kind])
    if named := [*_local(check, "")]:
        raise ConfigError(
            [
                Mistake("", 0, place, f"is of the machine that checks: say {instead!r} instead")
                for place, instead in named
            ]
        )
    return check


def shown(check: Check) -> dict[str, Any]:
    """Options for people to see, as they were written: what is or may be secret is not in it."""
    return _without_secrets(check.model_dump(mode="json", by_alias=True, exclude_unset=True))


def changed(options: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Options with others in their place, block by block; None takes one back."""
    told = dict(options)
    for name, value in change.items():
        before = told.pop(name, None)
        if isinstance(value, dict) and isinstance(before, dict):
            told[name] = changed(before, value)
        elif value is not None:
            told[name] = value
    return told


def kept_secrets(check: Check, change: Mapping[str, Any]) -> list[str]:
    """What is or may be secret of a check, and is not said by the change."""
    return [place for place in _hidden(shown(check)) if not _says(change, place)]


def _hidden(options: Mapping[str, Any], block: str = "") -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _hidden(value, f"{block}{name}.")
        elif value == HIDDEN:
            yield f"{block}{name}"


def _says(change: Any, place: str) -> bool:
    for name in place.split("."):
        if not isinstance(change, Mapping) or name not in change:
            return False
        change = change[name]
    return True


def to_json(check: Check) -> str:
    """Options as they are sent, with all that is secret."""
    return json.dumps(_open(check), separators=(",", ":"))


def _mistake(place: str, text: str) -> ConfigError:
    return ConfigError([Mistake("", 0, place, text)])


def _local(options: BaseModel, place: str) -> Iterator[tuple[str, str]]:
    """Options that name files or variables, and those that hold their content instead."""
    for name in sorted(options.model_fields_set):
        value = getattr(options, name)
        if isinstance(value, BaseModel):
            yield from _local(value, f"{place}{name}.")
        elif value is not None and (isinstance(value, Path) or name.endswith("_env")):
            yield f"{place}{name}", f"{place}{name.rpartition('_')[0]}"


def _without_secrets(dumped: dict[str, Any]) -> dict[str, Any]:
    return {
        name: HIDDEN
        if name in _MAY_BE_SECRET and value
        else _without_secrets(value)
        if isinstance(value, dict)
        else value
        for name, value in dumped.items()
    }


def _open(options: BaseModel) -> dict[str, Any]:
    """As `model_dump`, which leaves no secret readable; names are those of the configuration file."""
    told: dict[str, Any] = {}
    for name, value in options:
        if name in options.model_fields_set:
            alias = type(options).model_fields[name].alias or name
            told[alias] = _plain(value)
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _open(value)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return list(value) if isinstance(value, tuple) else value
