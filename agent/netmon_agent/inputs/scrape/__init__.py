"""Any page of metrics in Prometheus' formats."""

from netmon_agent.inputs.scrape.input import ScrapeInput

__all__ = ["ScrapeInput"]
