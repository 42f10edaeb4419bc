"""Outages that are played, from what happens in the network to what people are told: scenarios in files."""
