"""File systems: what is shown, and servers that never answer."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from netmon_agent.inputs.host.families import families_for
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.filesystem import Filesystem
from netmon_agent.inputs.host.options import FilesystemOptions
from tests.agent.host.trees import Machine, series_of, value
from tests.support.daemons import eventually


class Servers:
    """Stands in for statvfs: paths in `stuck` do not answer until they are released."""

    def __init__(self, *stuck: bytes) -> None:
        self.stuck = {path: threading.Event() for path in stuck}
        self.asked: list[bytes] = []

    def __call__(self, path: bytes) -> os.statvfs_result:
        self.asked.append(path)
        if path in self.stuck:
            self.stuck[path].wait(30)
        return os.statvfs("/")

    def release(self) -> None:
        for event in self.stuck.values():
            event.set()


@pytest.fixture
def servers() -> Iterator[Servers]:
    servers = Servers(b"/stuck", b"/also stuck")
    yield servers
    servers.release()


MOUNTS = """\
/dev/vda / ext4 rw 0 0
nas:/a /stuck nfs4 rw 0 0
nas:/b /also\\040stuck nfs4 rw 0 0
nas:/c /fine nfs4 ro 0 0
"""


def errors(filesystem: Filesystem) -> dict[str, float]:
    """node_filesystem_device_error by mount point."""
    keys, values = filesystem.gather()
    pairs = zip(keys, values, strict=True)
    return {dict(key.labels)["mountpoint"]: one for key, one in pairs if key.name == "node_filesystem_device_error"}


def read_by(servers: Callable[[bytes], os.statvfs_result], machine: Machine, timeout_s: float) -> Filesystem:
    machine.write({machine.proc / "mounts": MOUNTS})
    options = FilesystemOptions(mount_timeout_s=timeout_s)
    return Filesystem(Files(), str(machine.proc), "/", options, servers)


def test_a_stuck_server_holds_up_one_gather_for_the_timeout_and_no_more(machine: Machine, servers: Servers) -> None:
    filesystem = read_by(servers, machine, timeout_s=1)
    for _ in range(2):
        assert errors(filesystem) == {"/": 0, "/stuck": 1, "/also stuck": 1, "/fine": 0}
    assert servers.asked.count(b"/stuck") == 1  # the call that waits is not joined by another


def test_servers_are_waited_for_at_the_same_time(machine: Machine) -> None:
    both = threading.Barrier(2, timeout=30)

    def together(path: bytes) -> os.statvfs_result:
        if path in (b"/stuck", b"/also stuck"):
            both.wait()  # each answers when both were asked
        return os.statvfs("/")

    filesystem = read_by(together, machine, timeout_s=20)
    assert errors(filesystem) == {"/": 0, "/stuck": 0, "/also stuck": 0, "/fine": 0}


def test_a_server_that_comes_back_is_shown_again(machine: Machine, servers: Servers) -> None:
    filesystem = read_by(servers, machine, timeout_s=0.05)
    assert errors(filesystem)["/stuck"] == 1
    servers.release()
    eventually(lambda: errors(filesystem) == {"/": 0, "/stuck": 0, "/also stuck": 0, "/fine": 0})


def test_a_mount_in_error_has_no_other_series(machine: Machine) -> None:
    machine.write({machine.proc / "mounts": "/dev/gone /not/there ext4 rw 0 0\n"})
    series = series_of(machine.input("filesystem"))
    assert [name for name, _ in series if name.startswith("node_filesystem")] == ["node_filesystem_device_error"]


def test_mounts_of_the_whole_machine_come_before_those_of_a_container(machine: Machine) -> None:
    (machine.root / "srv").mkdir()
    labels = {"device": "/dev/vdb", "fstype": "ext4", "mountpoint": "/srv"}
    machine.write({machine.proc / "mounts": f"/dev/vdb {machine.root}/srv ext4 rw 0 0\n"})
    assert value(machine.input("filesystem"), "node_filesystem_size_bytes", **labels)
    machine.write({machine.proc / "1/mounts": "/dev/vdb /srv ext4 ro 0 0\n"})
    assert value(machine.input("filesystem"), "node_filesystem_readonly", **labels) == 1


@pytest.mark.parametrize("line", ["overlay / overlay rw 0 0", "/dev/vdb /var/lib/docker/x/y ext4 rw 0 0"])
def test_what_containers_mount_is_left_out(machine: Machine, line: str) -> None:
    machine.write({machine.proc / "mounts": f"{line}\n"})
    series = series_of(machine.input("filesystem"))
    assert not any(name.startswith("node_filesystem") for name, _ in series)


def test_patterns_of_the_operator_replace_the_defaults(machine: Machine) -> None:
    machine.write({machine.proc / "mounts": "overlay / overlay rw 0 0\n/dev/vdb /x ext4 rw 0 0\n"})
    host = machine.input("filesystem", filesystem={"fs_types_exclude": "^ext4$", "mount_points_exclude": None})
    shown = {dict(labels)["mountpoint"] for name, labels in series_of(host) if name.startswith("node_filesystem")}
    assert shown == {"/"}


def test_the_family_is_made_from_the_options(machine: Machine) -> None:
    assert isinstance(families_for("linux", machine.input("filesystem"), Files())["filesystem"], Filesystem)
