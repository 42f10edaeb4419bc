"""The inputs that a configuration may name: one line each."""

from typing import Annotated, get_args

from pydantic import Field

from netmon_agent.inputs.checks.base import Check
from netmon_agent.inputs.checks.dhcp import DhcpInput
from netmon_agent.inputs.checks.dns import DnsInput
from netmon_agent.inputs.checks.greeting import GreetingInput
from netmon_agent.inputs.checks.grpc import GrpcInput
from netmon_agent.inputs.checks.http import HttpInput
from netmon_agent.inputs.checks.ntp import NtpInput
from netmon_agent.inputs.checks.path import PathInput
from netmon_agent.inputs.checks.ping import PingInput
from netmon_agent.inputs.checks.tls import TlsInput
from netmon_agent.inputs.checks.udp import UdpInput
from netmon_agent.inputs.events.configuration import ConfigurationInput
from netmon_agent.inputs.events.packages import PackagesInput
from netmon_agent.inputs.events.syslog import SyslogInput
from netmon_agent.inputs.events.traps import TrapsInput
from netmon_agent.inputs.footing.canaries import CanariesInput
from netmon_agent.inputs.footing.neighbours import NeighboursInput
from netmon_agent.inputs.host import HostInput
from netmon_agent.inputs.scrape import ScrapeInput
from netmon_agent.inputs.tcp import TcpInput

AnyCheck = (
    DhcpInput
    | DnsInput
    | GreetingInput
    | GrpcInput
    | HttpInput
    | NtpInput
    | PathInput
    | PingInput
    | TcpInput
    | TlsInput
    | UdpInput
)
AnyInput = Annotated[
    AnyCheck
    | CanariesInput
    | ConfigurationInput
    | HostInput
    | NeighboursInput
    | PackagesInput
    | ScrapeInput
    | SyslogInput
    | TrapsInput,
    Field(discriminator="type"),
]

CHECKS: dict[str, type[Check]] = {
    name: check for check in get_args(AnyCheck) for name in get_args(check.model_fields["type"].annotation)
}
"""The checks by the name of their type."""
