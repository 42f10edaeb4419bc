"""Reads a configuration file into its model, or says everything that is wrong with it, each with its line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from netmon_configs.mistakes import ConfigError, Mistake
from netmon_configs.options import OptionsAsWritten
from netmon_configs.tree import Branch, plant, read_tree

__all__ = ["ConfigError", "Mistake", "judge", "load", "parse", "read"]

Model = TypeVar("Model", bound=BaseModel)

LARGEST_BYTES = 1 << 20


def load(path: Path, model: type[Model]) -> Model:
    """The options in the YAML file `path`; files that it names are looked for beside it. Raises ConfigError."""
    return parse(read(path), str(path), model, {"folder": path.absolute().parent})


def read(path: Path) -> str:
    """The text of a configuration file. Raises ConfigError: not there, not readable, not UTF-8, over 1 MiB."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise _unusable(path, "no such file") from None
    except IsADirectoryError:
        raise _unusable(path, "is a folder, not a file") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise _unusable(path, f"can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > LARGEST_BYTES:
        raise _unusable(path, "is larger than 1 MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unusable(path, f"is not UTF-8 text (byte 0x{content[error.start]:02x})", line) from None


def parse(text: str, name: str, model: type[Model], context: Mapping[str, Any] | None = None) -> Model:
    """The options in YAML text; `name` stands for the file in mistakes. Text without content gives the defaults.

    Keys are the options' YAML names alone (their aliases, where they have one). `context` is for the model's
    validators. Raises ConfigError.
    """
    tree, mistakes = read_tree(text, name, as_written=issubclass(model, OptionsAsWritten))
    return _judged(tree, mistakes, name, model, context)


def judge(value: object, model: type[Model]) -> Model:
    """Options that are no text, such as those of a request, judged as if they stood in a file. Raises ConfigError."""
    return _judged(plant(value), [], "", model, None)


def _judged(
    tree: Branch, mistakes: Sequence[Mistake], name: str, model: type[Model], context: Mapping[str, Any] | None
) -> Model:
    try:
        options = model.model_validate(tree.value, by_alias=True, by_name=False, context=context)
    except ValidationError as error:
        from netmon_configs.wording import explain  # a daemon that starts does without it

        raise ConfigError(_in_order([*mistakes, *explain(error, tree, name, model)])) from None
    if mistakes:
        raise ConfigError(_in_order(mistakes))
    return options


def _in_order(mistakes: Sequence[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda mistake: mistake.line)


def _unusable(path: Path, text: str, line: int = 0) -> ConfigError:
    return ConfigError([Mistake(str(path), line, "", text)])
