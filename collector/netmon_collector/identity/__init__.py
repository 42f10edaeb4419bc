"""Knows each device again, whatever changes about it: one record for each, however many addresses it has."""
