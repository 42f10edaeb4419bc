"""What travels between an agent and a collector: the model, and its form on the wire."""

__version__ = "0.1.0"
