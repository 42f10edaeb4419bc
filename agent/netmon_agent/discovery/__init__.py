"""Looks for what is in a network, when it is told to, and nowhere but there."""
