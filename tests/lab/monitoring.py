"""netmon in the lab: a collector and an agent on the first poller, a second agent on the other."""

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import trustme

from tests.lab import plan
from tests.lab.network import Network
from tests.support.daemons import NETMON, Daemon, surroundings

INTERVAL_S: Final = 5
FACTS_S: Final = 10
POLLED_BY: Final = {**dict.fromkeys((*plan.ROUTERS, "s1"), "p1"), "s2": "p2", "s3": "p2"}


class Monitoring:
    """Asks the commands that people use."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._daemons: list[Daemon] = []

    def start(self) -> None:
        """Starts collector and agents, and waits until these are connected."""
        folder = self._folder
        folder.mkdir()
        self._certify()
        words = ("--config", f"{folder}/collector.yaml", "--state", f"{folder}/collector")
        collector = self._start("p1", "collector", *words)
        self._token = collector.says(r"API token \(shown this once\): (\S+)")[1]
        join = collector.says(r"join token for agents \(shown this once\): (\S+)")[1]
        (folder / "join-token").write_text(join)
        for one in [self._agent(name) for name in plan.POLLERS]:
            one.says("collector.connected")

    def _certify(self) -> None:
        folder, authority = self._folder, trustme.CA()
        certificate = authority.issue_cert(plan.LAN["p1"])
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        for place, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(str(folder / "cert.pem"), append=place > 0)
        tls = f"tls: {{cert_file: {folder}/cert.pem, key_file: {folder}/key.pem}}"
        (folder / "collector.yaml").write_text(
            f"http: {{listen: 127.0.0.1:7440}}\ngrpc:\n  listen: 0.0.0.0:7441\n  {tls}\n"
            f"polling: {{facts_interval: {FACTS_S}s}}\n"
        )

    def _agent(self, name: str) -> Daemon:
        config = self._folder / f"{name}.yaml"
        config.write_text(
            f"interval: 5s\nhostname: {name}\ncollector:\n  address: {plan.LAN['p1']}:7441\n"
            f"  join_token_file: {self._folder}/join-token\n  tls: {{ca_file: {self._folder}/ca.pem}}\n"
            f"inputs:\n  - {{type: host}}\n  - {{type: ping, targets: [{plan.LAN['h7']}], count: 20, gap: 50ms}}\n"
        )
        return self._start(name, "agent", "--config", str(config), "--state", str(self._folder / name))

    def _start(self, node: str, *words: str) -> Daemon:
        one = Daemon(self._folder, *words, under=self._network.within(node))
        self._daemons.append(one)
        return one

    def netmon(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command on the collector's node."""
        environment = surroundings(self._folder) | {"NETMON_TOKEN": self._token}
        command = self._network.within("p1", NETMON, *words)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def asks(self, *words: str) -> Any:
        """What a command says as JSON."""
        ended = self.netmon(*words, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def add_all(self) -> None:
        """Has every router and switch polled, by the poller that it belongs to."""

        def add(node: str) -> str:
            words = ("--name", node, "--interval", f"{INTERVAL_S}s", "--poller", POLLED_BY[node])
            ended = self.netmon("device", "add", plan.addresses_polled()[node], *words)
            assert ended.returncode == 0, ended.stdout + ended.stderr
            return ended.stdout

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(add, POLLED_BY))

    def links(self, layer: int) -> set[frozenset[str]]:
        """Links of a layer, each as its two ends; a port of the lab is called after the node at the other end."""
        return {frozenset({_end(one["a"]), _end(one["b"])}) for one in self.all_links() if one["layer"] == layer}

    def all_links(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.asks("map")["links"]
        return found

    def place(self, host: str) -> tuple[str, str] | None:
        """The switch and port of a MAC or IP address."""
        ended = self.netmon("where", host, "--json")
        now = json.loads(ended.stdout)["now"] if ended.returncode == 0 else []
        return (now[0]["device"], now[0]["port"]) if now else None

    def value(self, expression: str) -> float | None:
        result = self.asks("query", expression)["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def close(self) -> None:
        for one in self._daemons:
            if one.process.poll() is None:
                os.killpg(one.process.pid, signal.SIGKILL)
            one.ends()


def _end(end: dict[str, str]) -> str:
    return f"{end['node']} {end['port']}".strip()
