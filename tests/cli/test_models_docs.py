"""The commands of docs/models.md work, and print what the page shows."""

import asyncio
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from netmon_collector.config import CollectorConfig
from netmon_collector.models.spec import Spec
from netmon_configs.load import parse
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, labels
from tests.api.test_model_service import at_work, hourly, until

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


async def run(command: str, lab: Lab, folder: Path) -> str:
    own = {"NETMON_URL": lab.url, "NETMON": lab.url, "NETMON_TOKEN": lab.token, "TOKEN": lab.token, "HOME": str(folder)}
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **own},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (0, b""), (command, out, err)
    assert out, command
    return out.decode()


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    (times, oslo), (_, bergen) = hourly(6, 1), hourly(6, 2)
    lines = [f"{time:.0f},{one},{other}" for time, one, other in zip(times, oslo, bergen, strict=True)]
    (tmp_path / "sales.csv").write_text("\n".join(["time,oslo,bergen", *lines]))
    return tmp_path


async def test_the_commands_of_the_page_do_what_it_says(sales: Path) -> None:
    assert len(COMMANDS) > 12
    async with running(sales) as lab:
        await lab.keep({labels("node_load1", instance="web1"): 1.0})
        lab.assessor.offer([lab.row({labels("node_load1", instance="web1"): 1.0}, NOW_MS)])
        lab.assessor.judge()
        async with at_work(lab):
            for command in COMMANDS:
                told = await run(command, lab, sales)
                if command.startswith("netmon model train"):
                    await until(lambda: lab.models.training is None and lab.models.one("sales").standing() is not None)
                if command == "netmon model status sales":
                    assert shape(told) == shape(PAGE.partition("```text\n")[2].partition("```")[0])
                if command == "netmon model versions sales":
                    assert re.search(r"1 \*.*2,016.*netmon  +ann +after the fair", told)
            ahead = await run("netmon model predict sales --horizon 2d", lab, sales)
            assert len(ahead.splitlines()) == 3
            value, low, high = (float(text) for text in ahead.splitlines()[1].split()[2:5])
            assert low < value < high
            assert np.isfinite([low, value, high]).all()


def shape(text: str) -> list[str]:
    """The lines without numbers and what differs with them."""
    kept = [line for line in text.splitlines() if not line.startswith("methods")]
    return [re.sub(r"\d[\d.,%]*", "0", line) for line in kept]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("time,a\n1,2\n2\n", "bad.csv:3: has 1 fields, the titles 2"),
        ("time,a\n1,x\n", "bad.csv:2: 'x' is no number"),
        ("time\n1\n", "needs a line of titles"),
    ],
)
def test_a_file_that_cannot_be_sent_is_told(content: str, said: str, tmp_path: Path) -> None:
    from netmon_cli.failure import Failure
    from netmon_cli.models import _read

    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(Failure, match=re.escape(said)):
        _read(tmp_path / "bad.csv")


def test_the_configuration_of_the_page_has_the_models_of_its_commands(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "key").write_text("a key of 16 letters or more\n")
    config = parse(text.replace("/etc/netmon/models.key", str(tmp_path / "key")), "collector.yaml", CollectorConfig)
    load, sales = (one.spec() for one in config.models.define)
    assert load == Spec("load", "detector", 'sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))')
    assert (sales.kind, sales.step_s, sales.horizon_s, sales.every_s) == ("forecaster", 3600, 2 * 86_400, 0)
