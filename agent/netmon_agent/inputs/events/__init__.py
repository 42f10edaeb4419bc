"""Receivers: what devices send by themselves becomes events."""
