"""What a model lets stand at a place of the file: asked for when a mistake is put into words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from netmon_configs.options import parse_duration_s, parse_size_bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """The alternatives of an annotation, without None, and the metadata of all of them."""

    alternatives: tuple[Any, ...]
    metadata: tuple[Any, ...] = ()

    @classmethod
    def of(cls, annotation: Any, metadata: Sequence[Any] = ()) -> "Shape":
        found = list(_alternatives(annotation))
        return cls(
            tuple(alternative for alternative, _ in found),
            (*metadata, *(item for _, items in found for item in items)),
        )

    @property
    def is_union(self) -> bool:
        return len(self.alternatives) > 1

    @property
    def is_secret(self) -> bool:
        return any(alternative in (SecretStr, SecretBytes) for alternative in self.alternatives)

    @property
    def is_duration(self) -> bool:
        return self._is_parsed_by(parse_duration_s)

    @property
    def is_size(self) -> bool:
        return self._is_parsed_by(parse_size_bytes)

    def options(self) -> list[str]:
        """The names that a block at this place may have, as they are written in the file."""
        return [name for model in self._models() for name in _written_fields(model)]

    def variant(self, label: str) -> "Shape | None":
        """The alternative that pydantic calls `label`: a block's `type`, or the name of a class."""
        for alternative in self.alternatives:
            if getattr(alternative, "__name__", None) == label:
                return Shape((alternative,), self.metadata)
            if _is_model(alternative) and any(label in tags for tags in _tags(alternative)):
                return Shape((alternative,), self.metadata)
        return None

    def child(self, key: object) -> "Shape | None":
        """What may stand below, under a name or a position; None where the model doesn't say."""
        for alternative in self.alternatives:
            if _is_model(alternative):
                info = _written_fields(alternative).get(str(key))
                if info is not None:
                    return Shape.of(info.annotation, info.metadata)
            elif arguments := [argument for argument in get_args(alternative) if argument is not Ellipsis]:
                return Shape.of(arguments[-1])
        return None

    def _models(self) -> list[type[BaseModel]]:
        return [alternative for alternative in self.alternatives if _is_model(alternative)]

    def _is_parsed_by(self, parser: Any) -> bool:
        return any(isinstance(item, BeforeValidator) and item.func is parser for item in self.metadata)


def _alternatives(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        for alternative, more in _alternatives(inner):
            yield alternative, (*metadata, *more)
    elif get_origin(annotation) in (Union, UnionType):
        for argument in get_args(annotation):
            yield from _alternatives(argument)
    elif annotation is not NoneType and annotation is not None:
        yield annotation, ()


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _written_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _tags(model: type[BaseModel]) -> list[tuple[Any, ...]]:
    return [get_args(info.annotation) for info in model.model_fields.values() if get_origin(info.annotation) is Literal]
