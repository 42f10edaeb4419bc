"""Answers as Alertmanager does (its API v2), so that amtool, Grafana and Prometheus work with it."""
