"""Pings: one socket per address family for all that an agent asks."""
