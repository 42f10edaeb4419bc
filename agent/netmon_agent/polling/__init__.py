"""Polls the devices that the collector has assigned to this agent."""
