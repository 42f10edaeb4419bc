"""The agent's configuration file."""

from collections import Counter
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from pydantic import Field, model_validator

from netmon_agent.inputs.checks.base import Check
from netmon_agent.inputs.checks.reach import Reach
from netmon_agent.inputs.host import HostInput
from netmon_agent.inputs.registry import AnyInput
from netmon_agent.inputs.scrape import ScrapeInput
from netmon_configs.logs import LogOptions
from netmon_configs.options import Duration, FilePath, Networks, Options, PeerAddress, Size, Variable, is_this_machine
from netmon_configs.secrets import differ

METADATA: Final[Networks] = (
    ip_network("169.254.0.0/16"),  # link-local (RFC 3927): of AWS, Azure, Google, OpenStack, Oracle and others
    ip_network("fd00:ec2::/32"),  # AWS
    ip_network("100.100.100.200/32"),  # Alibaba
    ip_network("168.63.129.16/32"),  # Azure
)
"""Where clouds give a machine what is secret of it, to whoever asks from there."""


class AgentTls(Options):
    """How the collector's certificate is checked."""

    ca_file: FilePath | None = None
    server_name: str | None = Field(default=None, min_length=1)


class CollectorTarget(Options):
    """Where the collector is, and how the agent may speak to it."""

    address: PeerAddress = "127.0.0.1:7441"
    tls: AgentTls | None = None
    join_token_file: FilePath | None = None
    join_token_env: Variable | None = None

    @model_validator(mode="after")
    def _protected(self) -> "CollectorTarget":
        differ(self, "join_token")
        if self.tls is None and not is_this_machine(self.address):
            raise ValueError(f"needs 'tls', because {self.address} is not on this machine")
        return self


class SpoolOptions(Options):
    """How much waits on disk while the collector is away; beyond either bound the oldest goes."""

    max_bytes: Size = Field(default=1 << 30, alias="max_size", ge=16 << 20)
    max_age_s: Duration = Field(default=7 * 86400.0, alias="max_age", ge=60)


class AssignedChecks(Options):
    """What checks that the collector assigns may ask: addresses that names have in the end, and redirects lead to."""

    allow_addresses: Networks = ()
    deny_addresses: Networks = METADATA

    @property
    def reach(self) -> Reach:
        return Reach(self.allow_addresses, self.deny_addresses)


class AgentConfig(Options):
    """All that an agent can be told. An empty file is a good start: everything has a default."""

    state: Path = Path("/var/lib/netmon/agent")
    collector: CollectorTarget = Field(default_factory=CollectorTarget)
    interval_s: Duration = Field(default=10.0, alias="interval", ge=1, le=3600)
    hostname: str | None = Field(default=None, min_length=1, max_length=253)
    spool: SpoolOptions = Field(default_factory=SpoolOptions)
    log: LogOptions = Field(default_factory=LogOptions)
    surroundings: bool = True
    assigned_checks: AssignedChecks = Field(default_factory=AssignedChecks)
    inputs: tuple[AnyInput, ...] = Field(default_factory=lambda: (HostInput(),))

    @model_validator(mode="after")
    def _titles_are_unique(self) -> "AgentConfig":
        titles = [one.title for one in self.inputs]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ValueError(f"inputs must differ: {', '.join(twice)} is there more than once")
        return self

    @model_validator(mode="after")
    def _scraped_series_differ(self) -> "AgentConfig":
        scraped = [(one.job_name, sorted(one.labels.items())) for one in self.inputs if isinstance(one, ScrapeInput)]
        for job, labels in scraped:
            if scraped.count((job, labels)) > 1:
                raise ValueError(
                    f"two inputs scrape as job {job!r} with the same labels: give them other jobs or labels"
                )
        return self

    @model_validator(mode="after")
    def _probed_series_differ(self) -> "AgentConfig":
        probed = Counter(target for one in self.inputs if isinstance(one, Check) for target in one.probed)
        if twice := [target for target, count in probed.items() if count > 1]:
            raise ValueError(f"two inputs check {twice[0]}: their series could not be told apart")
        return self
