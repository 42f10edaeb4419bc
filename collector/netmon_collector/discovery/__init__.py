"""Has agents look for what is in networks, and turns what they find into proposals."""
