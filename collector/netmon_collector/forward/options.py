"""Where samples go on to, as configured."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from netmon_configs.options import FilePath, Options, Size, Variable
from netmon_configs.secrets import has_authorization
from netmon_proto.names import label_name

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=64)]
HeaderValue = Annotated[str, Field(pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=1024)]
LabelName = Annotated[str, AfterValidator(label_name)]


class RemoteWriteOptions(Options):
    """One server that takes Prometheus' remote write.

    `match`: selectors of which a series must fit one, else all are sent; `labels` are added where a series has none of
    that name; `queue` is the most that waits on disk.
    """

    url: str
    name: str = Field(default="", pattern=r"^([a-zA-Z0-9][a-zA-Z0-9._-]*)?$", max_length=64)
    match: list[str] = Field(default_factory=list, max_length=50)
    labels: dict[LabelName, str] = Field(default_factory=dict, max_length=20)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=20)
    user: str | None = Field(default=None, min_length=1)
    password_file: FilePath | None = None
    password_env: Variable | None = None
    token_file: FilePath | None = None
    token_env: Variable | None = None
    ca_file: FilePath | None = None
    queue_bytes: Size = Field(default=1 << 30, alias="queue", ge=16 << 20)

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
            raise ValueError("must be an address such as https://prometheus.example/api/v1/write")
        if "@" in parts.netloc:
            raise ValueError("must not have a password in it: use user and password_file")
        return url

    @field_validator("match")
    @classmethod
    def _are_selectors(cls, selectors: list[str]) -> list[str]:
        from netmon_collector.query.selector import parse_selector

        for selector in selectors:
            parse_selector(selector)
        return selectors

    @model_validator(mode="after")
    def _secrets_are_safe(self) -> Self:
        has_authorization(self, self.url)
        return self

    @property
    def title(self) -> str:
        """Names the server in metrics and its folder: host and port unless it was given a name."""
        parts = urlsplit(self.url)
        return self.name or f"{parts.hostname}-{parts.port or parts.scheme}".replace(":", ".")
