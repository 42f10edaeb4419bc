"""Whether a web server answers as it should."""

from netmon_agent.inputs.checks.http.input import HttpInput

__all__ = ["HttpInput"]
