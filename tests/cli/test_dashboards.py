"""What `netmon dashboards export` writes is what Grafana provisions itself from.

The files' form: https://grafana.com/docs/grafana/latest/administration/provisioning/ and
https://grafana.com/docs/grafana/latest/datasources/prometheus/configure/
"""

import json
from pathlib import Path

import yaml

from tests.cli.conftest import Netmon


def test_a_folder_is_written_that_grafana_can_be_started_with(netmon: Netmon, tmp_path: Path) -> None:
    root = tmp_path / "new" / "grafana"
    ended = netmon("dashboards", "export", str(root), "--url", "https://collector.example:7440/")
    assert (ended.code, ended.err) == (0, "")
    assert f"GF_PATHS_PROVISIONING={root}/provisioning NETMON_TOKEN=nmt_…" in ended.out
    (source,) = yaml.safe_load((root / "provisioning/datasources/netmon.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "https://collector.example:7440/prometheus"
    assert source["jsonData"]["httpHeaderName1"] == "Authorization"
    assert source["secureJsonData"] == {"httpHeaderValue1": "Bearer $NETMON_TOKEN"}
    (provider,) = yaml.safe_load((root / "provisioning/dashboards/netmon.yaml").read_text())["providers"]
    boards = {path.name: json.loads(path.read_text()) for path in Path(provider["options"]["path"]).iterdir()}
    names = ("hosts", "collector", "checks", "devices", "interfaces")
    assert {board["uid"] for board in boards.values()} == {f"netmon-{name}" for name in names}


def test_the_collector_is_the_usual_one_unless_it_is_named(netmon: Netmon, tmp_path: Path) -> None:
    ended = netmon("dashboards", "export", str(tmp_path), "--json")
    files = json.loads(ended.out)["files"]
    assert len(files) == 7
    (source,) = yaml.safe_load((tmp_path / "provisioning/datasources/netmon.yaml").read_text())["datasources"]
    assert source["url"] == "http://127.0.0.1:7440/prometheus"


def test_no_token_is_written_anywhere(netmon: Netmon, tmp_path: Path) -> None:
    assert netmon("dashboards", "export", str(tmp_path)).code == 0
    assert not [path for path in tmp_path.rglob("*.*") if "nmt_" in path.read_text()]


def test_a_place_that_cannot_be_written_is_named(netmon: Netmon, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = netmon("dashboards", "export", str(tmp_path / "file"))
    assert ended.code == 1
    assert ended.err.startswith(f"netmon: {tmp_path}/file")
    assert ended.err.endswith(" cannot be written: Not a directory.\n")


def test_a_url_that_is_none_is_refused(netmon: Netmon, tmp_path: Path) -> None:
    assert netmon("dashboards", "export", str(tmp_path), "--url", "collector:7440").code == 2
