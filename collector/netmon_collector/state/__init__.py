"""What is not a sample: tokens, agents and, later, users, alerts and events, in an SQL database."""
