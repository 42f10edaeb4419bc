"""What several tests stand on: fake clocks, and parts of netmon put together."""
