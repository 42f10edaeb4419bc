"""Ways to tell people and programs of alerts: a file for each."""
