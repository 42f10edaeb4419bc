"""Alerts on their way from rules to people."""
