"""What is looked at for when it runs out, in collector.yaml."""

from pydantic import Field

from netmon_collector.capacity.limits import LIMITED, Limited, Way
from netmon_collector.query.expression import Expression
from netmon_configs.options import Duration, Options


class OwnLimit(Options):
    """Something else that is used up, such as licences: `expr` rises to `limit`. Without that it is how many
    seconds are left."""

    what: str = Field(min_length=1, max_length=100)
    expr: Expression
    limit: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class CapacityOptions(Options):
    """How often is looked, how far back, and how near a date must be for an event."""

    enabled: bool = True
    every_s: Duration = Field(default=900.0, alias="every", ge=10, le=86_400)
    history_s: Duration = Field(default=30 * 86_400.0, alias="history", ge=86_400, le=366 * 86_400)
    warn_within_s: Duration = Field(default=14 * 86_400.0, alias="warn_within", gt=0, le=365 * 86_400)
    limits: list[OwnLimit] = Field(default_factory=list, max_length=100)

    def all(self) -> list[Limited]:
        """What comes with netmon, and what was configured."""
        own = [
            Limited(one.what, one.expr, one.limit or 0.0, Way.COUNTS_DOWN if one.limit is None else Way.PILES_UP)
            for one in self.limits
        ]
        return [*LIMITED, *own]
