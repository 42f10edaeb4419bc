"""What a collector says once it listens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ready:
    """Where a collector listens, and the tokens that it has just made, which nobody can read again."""

    http: str
    grpc: str
    local: str
    """What an agent on this machine connects to."""
    api_token: str | None
    join_token: str | None
