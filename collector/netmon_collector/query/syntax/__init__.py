"""PromQL as text: from characters to a checked tree."""
