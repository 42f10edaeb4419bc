"""Makes the checks that the collector has assigned to this agent."""
