"""What the tests of checks share."""

import math

from netmon_agent.inputs.base import Columns, Input
from netmon_proto.model import is_stale


async def values_of(one: Input) -> dict[str, dict[str, float]]:
    """What an input found, by target and then by name, with the other labels behind it; stale series are left out."""
    found: dict[str, dict[str, float]] = {}
    for part in await one.gather(0):
        rows = zip(part.keys, part.values, strict=True) if isinstance(part, Columns) else [(part, part.value)]
        for key, value in rows:
            labels = dict(key.labels)
            target = labels.pop("target")
            name = key.name + (
                "{" + ",".join(f'{label}="{labels[label]}"' for label in sorted(labels)) + "}" if labels else ""
            )
            if not is_stale(value):
                assert not math.isnan(value)
                assert name not in found.setdefault(target, {}), name
                found[target][name] = value
    return found
