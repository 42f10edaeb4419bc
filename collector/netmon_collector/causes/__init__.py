"""Why incidents happened, and what they hit: what is known all over the collector becomes signs on the map."""
