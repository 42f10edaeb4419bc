"""Every series is judged as its samples come: what is odd is known, explained, and a series of its own."""
