"""The rules' block of the collector's configuration."""

from typing import Annotated

from pydantic import Field

from netmon_collector.rules.files import LabelName, PlainText
from netmon_configs.options import Duration, FilePath, Options
from netmon_proto.model import Labels


class RulesConfig(Options):
    """Which rules are evaluated, how often where they do not say, and what their alerts tell of this collector."""

    shipped: bool = True
    folder: FilePath | None = None
    interval_s: Annotated[Duration, Field(ge=1)] = Field(default=60.0, alias="interval")
    query_offset_s: Annotated[Duration, Field(ge=0)] = Field(default=0.0, alias="query_offset")
    resend_s: Annotated[Duration, Field(ge=1)] = Field(default=60.0, alias="resend")
    external_labels: dict[LabelName, PlainText] = Field(default_factory=dict, max_length=64)

    @property
    def labels(self) -> Labels:
        return tuple(sorted(self.external_labels.items()))
