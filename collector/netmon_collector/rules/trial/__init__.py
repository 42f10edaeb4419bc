"""Rules tried out before they count: unit tests in promtool's format, and what they would have done in the past."""
