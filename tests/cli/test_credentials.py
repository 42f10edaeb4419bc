"""`netmon credential`: what files hold secrets, and how mistakes are told."""

from pathlib import Path

import pytest

from tests.cli.conftest import Netmon
from tests.cli.fake_collector import FakeCollector


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n"])
def test_a_file_without_one_line_is_no_secret(
    netmon: Netmon, collector: FakeCollector, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "community"
    file.write_text(text)
    ended = netmon("credential", "set", "core", "--community-file", str(file))
    assert ended.code != 0
    assert f"{file} must have one line with the community, and nothing else" in ended.err
    assert not collector.requests
