"""`netmon dashboards`: dashboards for Grafana, as a folder that it provisions itself from."""

from importlib import resources
from pathlib import Path

import yaml

from netmon_cli import output
from netmon_cli.failure import Exit, Failure
from netmon_cli.output import escape

DATA_SOURCE_UID = "netmon"
TOKEN_VARIABLE = "NETMON_TOKEN"  # noqa: S105 - a name, no token


def names() -> list[str]:
    """The dashboards that there are."""
    folder = resources.files("netmon_configs").joinpath("dashboards")
    return sorted(one.name.removesuffix(".json") for one in folder.iterdir() if one.name.endswith(".json"))


def dashboard(name: str) -> str:
    """A dashboard as Grafana imports it."""
    return resources.files("netmon_configs").joinpath("dashboards", f"{name}.json").read_text(encoding="utf-8")


def export(folder: Path, url: str, as_json: bool) -> Exit:
    """Writes data source, provider and dashboards below a folder, over what is there of the same name.

    `url` is where Grafana finds the collector.
    """
    root = folder.absolute()
    files = {
        root / "provisioning/datasources/netmon.yaml": _yaml(_data_sources(url)),
        root / "provisioning/dashboards/netmon.yaml": _yaml(_providers(root / "dashboards")),
        **{root / f"dashboards/{name}.json": dashboard(name) for name in names()},
    }
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.WRONG, f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    if as_json:
        output.write_json({"files": [str(path) for path in files]})
    else:
        told = ["Start Grafana with", f"  GF_PATHS_PROVISIONING={root}/provisioning {TOKEN_VARIABLE}=nmt_…"]
        output.write_lines([escape(line) for line in [*map(str, files), "", *told]])
    return Exit.FINE


def _data_sources(url: str) -> dict[str, object]:
    """The token is no part of it: Grafana takes it from its environment."""
    source = {
        "name": "netmon",
        "uid": DATA_SOURCE_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": f"{url}/prometheus",
        "jsonData": {
            "httpMethod": "POST",
            "httpHeaderName1": "Authorization",
            "timeInterval": "10s",
            "prometheusType": "Prometheus",
        },
        "secureJsonData": {"httpHeaderValue1": f"Bearer ${TOKEN_VARIABLE}"},
    }
    return {"apiVersion": 1, "datasources": [source]}


def _providers(dashboards: Path) -> dict[str, object]:
    provider = {
        "name": "netmon",
        "folder": "netmon",
        "type": "file",
        "allowUiUpdates": True,
        "options": {"path": str(dashboards)},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
