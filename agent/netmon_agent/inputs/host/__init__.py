"""The host that the agent runs on, with the names, labels and units of node_exporter."""

from netmon_agent.inputs.host.input import HostInput

__all__ = ["HostInput"]
