"""Stores that are servers of their own: samples wait in a queue on our disk until the server has them for sure."""
