"""Models that stand in the configuration."""

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from netmon_collector.models.spec import DAY_S, Kind, ModelError, Spec, check, specified
from netmon_collector.query.expression import Expression
from netmon_configs.options import Duration, FilePath, Options, Variable
from netmon_configs.secrets import NoSecret, Source, differ

KEY_CHARACTERS = range(16, 201)
_ADDRESS = re.compile(r"https?://[^\s@]+")


class ModelOptions(Options):
    """A model, as `netmon model add` has one; `url` and `key` are those of a server that has it, see docs/models.md."""

    name: str
    kind: Kind
    expression: Expression | None = None
    step_s: Duration | None = Field(default=None, alias="step", ge=10, le=DAY_S)
    history_s: Duration | None = Field(default=None, alias="history")
    horizon_s: Duration | None = Field(default=None, alias="horizon")
    every_s: Duration = Field(default=7 * DAY_S, alias="every", ge=0)
    url: str | None = None
    key_file: FilePath | None = None
    key_env: Variable | None = None

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is not None and not _ADDRESS.fullmatch(url):
            raise ValueError("must be an address such as https://models.example.net/v1")
        return url

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        differ(self, "key")
        if bool(self.url) != bool(Source.of(self, "key")):
            raise ValueError("needs url and key_file (or key_env) together")
        try:
            check(self.spec())
        except ModelError as error:
            raise ValueError(str(error)) from None
        return self

    def spec(self) -> Spec:
        return specified(
            self.name,
            self.kind,
            self.expression or "",
            self.step_s,
            self.history_s,
            self.horizon_s,
            self.every_s,
            self.url or "",
        )

    def read_key(self) -> str:
        """The key that its server knows, too, as it is now; "" where no server has it. Raises NoSecret."""
        source = Source.of(self, "key")
        key = (source.read() or "").strip()
        if source and len(key) not in KEY_CHARACTERS:
            raise NoSecret(f"{source} must hold {KEY_CHARACTERS[0]} to {KEY_CHARACTERS[-1]} characters")
        return key
