"""A short run of what `make fuzz` does for ten minutes."""

from tests.fuzz.query import fuzz


async def test_random_texts_are_answered_or_refused() -> None:
    tally = await fuzz(60.0, 1, 300)
    assert tally.texts == 300
    assert tally.parsed > 30
    assert tally.answered > 50
