"""Scripts of queries and what they must come to: our own, and Prometheus' where they need no native histograms."""

from pathlib import Path

import pytest

from tests.support.promql_scripts import Script

FOLDER = Path(__file__).parents[4] / "shared" / "promql"
SCRIPTS = sorted(FOLDER.glob("*.test"))
OURS = sorted((Path(__file__).parent / "scripts").glob("*.test"))


@pytest.mark.skipif(not SCRIPTS, reason=f"needs Prometheus' test scripts in {FOLDER}")
@pytest.mark.parametrize("shared", [True, False], ids=["shared times", "times of its own"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
async def test_a_script_of_prometheus_gives_the_expected_answers(path: Path, shared: bool) -> None:
    tally = await Script(path, shared=shared).run()
    print(f"{path.name}: {tally.run} cases, {tally.skipped} with native histograms skipped")
    assert tally.run
    assert not tally.failures, "\n".join(tally.failures)


@pytest.mark.parametrize("shared", [True, False], ids=["shared times", "times of its own"])
@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
async def test_a_script_of_ours_gives_the_expected_answers(path: Path, shared: bool) -> None:
    tally = await Script(path, shared=shared).run()
    assert tally.run
    assert not tally.skipped
    assert not tally.failures, "\n".join(tally.failures)
