"""What a benchmark holds its figures against."""

from collections.abc import Mapping
from typing import Any


def judged(figures: Mapping[str, tuple[float, str, float]]) -> dict[str, dict[str, Any]]:
    """By name a value, `<=` or `>=`, and the limit; as every benchmark prints it."""
    return {
        name: {
            "value": value,
            "limit": f"{sign} {limit:g}",
            "holds": bool(value <= limit if sign == "<=" else value >= limit),
        }
        for name, (value, sign, limit) in figures.items()
    }
