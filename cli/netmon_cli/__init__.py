"""The netmon command, and the only place where daemons are put together."""
