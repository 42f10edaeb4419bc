"""A short run of what `make fuzz` does for ten minutes."""

from tests.fuzz.rules import make
from tests.support.fuzzing import fuzz


def test_random_rule_files_and_templates_are_taken_or_refused() -> None:
    tally = fuzz(make, 60.0, 1, 250)
    assert tally.inputs == 250
    assert tally.taken > 10
