"""Backups: what is in one, how it is made of a collector, how it is read."""
