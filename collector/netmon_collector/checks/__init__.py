"""Checks that the collector assigns to agents."""
