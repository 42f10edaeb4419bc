"""Scrapes a page of metrics, as Prometheus does."""

import asyncio
import ssl
import time
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, PrivateAttr, field_validator, model_validator

from netmon_agent.inputs.base import Columns, Input, Key, Reading
from netmon_agent.inputs.scrape.fetch import Address, NotFetched, Page, fetch
from netmon_agent.inputs.scrape.page import BadPage, Reader
from netmon_configs.options import Duration, FilePath, Options, Size, Variable
from netmon_configs.secrets import NoSecret, Source, authorization_of, differ, has_authorization, load_pair
from netmon_proto.model import Kind
from netmon_proto.names import STAMPED, exported, label_name

_ACCEPT: Final = (
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=1,text/plain;version=0.0.4;q=0.9,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1"
)
_OWN_JOBS: Final = ("node", "agent", "collector", "probe", "snmp")
_IN_A_THREAD_CHARACTERS: Final = 128 << 10
"""A larger page is read beside the event loop."""
_ABOUT: Final = tuple(
    Key(name, (), Kind.GAUGE)
    for name in (
        "up",
        "scrape_duration_seconds",
        "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    )
)

LabelName = Annotated[str, AfterValidator(label_name)]


class ScrapeTls(Options):
    """How an https page is trusted, and what is shown to it, all in PEM."""

    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    key_env: Variable | None = None
    server_name: str | None = Field(default=None, min_length=1)


class ScrapeInput(Input):
    """Reads a page in Prometheus' text format or OpenMetrics; `up` says whether it could be read."""

    type: Literal["scrape"]
    url: str
    job_name: str = Field(default="scrape", alias="job", min_length=1, max_length=128)
    labels: dict[LabelName, str] = Field(default_factory=dict, max_length=20)
    honor_labels: bool = False
    timeout_s: Duration = Field(default=10.0, alias="timeout", gt=0, le=60)
    max_samples: int = Field(default=20_000, ge=1, le=90_000)
    max_bytes: Size = Field(default=16 << 20, alias="max_size", ge=1 << 10, le=64 << 20)
    user: str | None = Field(default=None, min_length=1)
    password_file: FilePath | None = None
    password_env: Variable | None = None
    token_file: FilePath | None = None
    token_env: Variable | None = None
    tls: ScrapeTls = Field(default_factory=ScrapeTls)

    _reader: Reader | None = PrivateAttr(default=None)
    _context: ssl.SSLContext | None = PrivateAttr(default=None)
    _trouble: str | None = PrivateAttr(default=None)
    _before: tuple[Key, ...] = PrivateAttr(default=())
    """The keys of the last page."""
    _about: tuple[Key, ...] = PrivateAttr(default=())

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        Address.of(url)
        return url

    @field_validator("job_name")
    @classmethod
    def _is_not_netmons(cls, job: str) -> str:
        if job in _OWN_JOBS:
            raise ValueError(f"must be another name than {', '.join(_OWN_JOBS)}: these jobs are netmon's own")
        return job

    @model_validator(mode="after")
    def _secrets_are_safe(self) -> "ScrapeInput":
        differ(self.tls, "key")
        if (self.tls.cert_file is None) == bool(Source.of(self.tls, "key")):
            raise ValueError("needs tls.cert_file and tls.key_file together")
        has_authorization(self, self.url)
        return self

    @property
    def title(self) -> str:
        return f"scrape {self.job_name} {self.url}"[:128]

    @property
    def job_label(self) -> str:
        return self.job_name

    @property
    def trouble(self) -> str | None:
        return self._trouble

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        started = time.perf_counter()
        try:
            page = await self._fetch()
            found = await self._read(page)
            self._trouble = None
        except (NotFetched, BadPage) as error:
            self._trouble = str(error)
            found = Columns((), ())
        return [found, self._told_of(found, time.perf_counter() - started)]

    async def _fetch(self) -> Page:
        address = Address.of(self.url)
        headers = {
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip",
            "User-Agent": "netmon",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{self.timeout_s:g}",
        }
        try:
            headers |= authorization_of(self)
            if address.tls and self._context is None:
                self._context = self._trusting()
        except NoSecret as error:
            raise NotFetched(f"a secret cannot be used: {error}") from None
        except OSError as error:
            raise NotFetched(f"a file of the options cannot be used: {error}") from None
        return await fetch(
            address,
            headers,
            timeout_s=self.timeout_s,
            most_bytes=self.max_bytes,
            context=self._context,
            server_name=self.tls.server_name,
        )

    def _trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.tls.ca_file)
        if self.tls.cert_file is not None:
            load_pair(context, Source(file=self.tls.cert_file), Source.of(self.tls, "key"))
        return context

    async def _read(self, page: Page) -> Columns:
        reader = self._reader
        if reader is None:
            reader = self._reader = Reader(self._relabelled, self.max_samples, self._about_keys())
        must_end = "openmetrics" in page.media
        if len(page.text) < _IN_A_THREAD_CHARACTERS:
            return reader.read(page.text, must_end=must_end)
        return await asyncio.to_thread(reader.read, page.text, must_end=must_end)

    def _relabelled(self, labels: dict[str, str]) -> dict[str, str]:
        """With the labels of the options; where both have one, it is the page's that is renamed, unless honoured. The
        collector's are renamed here already, so that two series which become one by it are seen on the page.
        """
        if self.honor_labels:
            return exported(self.labels | labels, {}, STAMPED)
        return exported(labels, self.labels, STAMPED)

    def _about_keys(self) -> tuple[Key, ...]:
        """The series that tell of the page, always the same."""
        if not self._about:
            labels = tuple(sorted(self.labels.items()))
            self._about = tuple(key._replace(labels=labels) for key in _ABOUT)
        return self._about

    def _told_of(self, found: Columns, took_s: float) -> Columns:
        added = 0 if found.keys is self._before else len(set(found.keys) - set(self._before))
        self._before = found.keys
        count = float(len(found.keys))
        return Columns(self._about_keys(), (float(self._trouble is None), took_s, count, count, float(added)))
