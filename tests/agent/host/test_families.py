"""What single families make of the files of odd machines; ordinary ones are compared with node_exporter."""

import os
import shutil
import struct
from pathlib import Path

import pytest

from netmon_agent.inputs.base import Columns
from netmon_agent.inputs.host.clock import Adjtimex, Timex
from netmon_agent.inputs.host.family import NoData
from netmon_agent.inputs.host.identity import parse_os_release
from netmon_agent.inputs.host.processes import ProcessTable
from netmon_agent.inputs.host.top_processes import TopProcesses
from tests.agent.host.recorded import STAT, UDP, network_device
from tests.agent.host.trees import Machine, series_of, value

SUCCESS = "node_scrape_collector_success"


def stat(*cpus: str) -> str:
    return "cpu 0 0 0 0\n" + "\n".join(cpus) + "\nintr 5 1 2\nctxt 7\nbtime 9\nprocesses 1\nsoftirq 1\n"


class TestCpu:
    def test_five_hundred_processors_are_all_read(self, machine: Machine) -> None:
        lines = [f"cpu{n} {n} 0 0 {n * 100} 0 0 0 0 0 0" for n in range(500)]
        machine.write({machine.proc / "stat": stat(*lines)})
        host = machine.input("cpu")
        assert value(host, "node_cpu_seconds_total", cpu="499", mode="idle") == 499
        assert len(series_of(host)) == 500 * 10 + 2

    def test_a_processor_that_is_unplugged_goes_and_its_return_begins_anew(self, machine: Machine) -> None:
        both = stat("cpu0 100 0 0 1000 0 0 0", "cpu1 100 0 0 1000 0 0 0")
        machine.write({machine.proc / "stat": both})
        host = machine.input("cpu")
        assert value(host, "node_cpu_seconds_total", cpu="1", mode="idle") == 10
        machine.write({machine.proc / "stat": stat("cpu0 101 0 0 1000 0 0 0")})
        assert value(host, "node_cpu_seconds_total", cpu="1", mode="idle") is None
        assert value(host, "node_cpu_seconds_total", cpu="0", mode="user") == 1.01
        machine.write({machine.proc / "stat": stat("cpu0 102 0 0 1000 0 0 0", "cpu1 0 0 0 5 0 0 0")})
        assert value(host, "node_cpu_seconds_total", cpu="1", mode="idle") == 0.05

    def test_time_that_steps_back_a_little_stands_still(self, machine: Machine) -> None:
        host = machine.input("cpu")
        for idle, iowait, seen in (("1000", "500", (10, 5)), ("999", "490", (10, 5)), ("1001", "495", (10.01, 5))):
            machine.write({machine.proc / "stat": stat(f"cpu0 0 0 0 {idle} {iowait} 0 0")})
            assert value(host, "node_cpu_seconds_total", cpu="0", mode="idle") == seen[0]
            assert value(host, "node_cpu_seconds_total", cpu="0", mode="iowait") == seen[1]

    def test_time_that_falls_far_was_a_processor_off_line(self, machine: Machine) -> None:
        host = machine.input("cpu")
        machine.write({machine.proc / "stat": stat("cpu0 900 0 0 1000 0 0 0")})
        assert value(host, "node_cpu_seconds_total", cpu="0", mode="idle") == 10
        machine.write({machine.proc / "stat": stat("cpu0 4 0 0 5 0 0 0")})
        assert value(host, "node_cpu_seconds_total", cpu="0", mode="user") == 0.04

    def test_old_kernels_that_know_fewer_modes_are_read(self, machine: Machine) -> None:
        machine.write({machine.proc / "stat": stat("cpu0 1 2 3 4")})
        modes = {
            dict(labels)["mode"] for name, labels in series_of(machine.input("cpu")) if name.startswith("node_cpu")
        }
        assert modes == {"user", "nice", "system", "idle"}

    def test_one_reading_serves_both_families_that_need_it(self, machine: Machine) -> None:
        machine.write({machine.proc / "stat": STAT})
        host = machine.input("cpu", "stat")
        assert value(host, "node_context_switches_total") == 1234567890
        machine.write({machine.proc / "stat": STAT.replace("1234567890", "1234567899")})
        assert value(host, "node_context_switches_total") == 1234567899


class TestDisks:
    def test_lines_of_any_length_are_read_as_far_as_they_go(self, machine: Machine) -> None:
        machine.write({machine.proc / "diskstats": "8 0 sda 1 2 3 4\n8 16 sdb " + "5 " * 30 + "\n"})
        series = series_of(machine.input("diskstats"))
        assert series["node_disk_read_bytes_total", (("device", "sda"),)] == 3 * 512
        assert ("node_disk_io_now", (("device", "sda"),)) not in series
        assert series["node_disk_flush_requests_time_seconds_total", (("device", "sdb"),)] == 0.005

    def test_a_disk_that_takes_the_place_of_an_excluded_one_is_shown(self, machine: Machine) -> None:
        host = machine.input("diskstats")
        machine.write({machine.proc / "diskstats": "7 0 loop0 1 2 3 4\n8 0 sda 1 2 3 4\n"})
        assert value(host, "node_disk_reads_completed_total", device="sdb") is None
        machine.write({machine.proc / "diskstats": "8 9 sdb 1 2 3 4\n8 0 sda 1 2 3 4\n"})
        assert value(host, "node_disk_reads_completed_total", device="sdb") == 1

    def test_what_udev_finds_out_later_is_shown_then(self, machine: Machine) -> None:
        host = machine.input("diskstats")
        machine.write({machine.proc / "diskstats": "8 0 sda 1 2 3 4\n"})
        empty = dict.fromkeys(("model", "path", "revision", "serial", "wwn"), "")
        labels = {"device": "sda", "major": "8", "minor": "0"}
        assert value(host, "node_disk_info", **empty, **labels) == 1
        machine.write({machine.udev / "b8:0": "E:ID_MODEL=Disk\nE:ID_SERIAL=long\nE:SCSI_IDENT_SERIAL=X7\nI:1\n"})
        assert value(host, "node_disk_info", **empty | {"model": "Disk", "serial": "X7"}, **labels) == 1

    def test_the_operator_chooses_disks(self, machine: Machine) -> None:
        machine.write({machine.proc / "diskstats": "7 0 loop0 1 2 3 4\n8 0 sda 1 2 3 4\n"})
        host = machine.input("diskstats", diskstats={"device_include": "^loop", "device_exclude": None})
        assert {dict(labels).get("device") for _, labels in series_of(host)} == {"loop0", None}


class TestNetwork:
    def lay_out(self, machine: Machine, **devices: dict[str, str]) -> None:
        for name, told in devices.items():
            machine.write({machine.sys / "class/net" / name / file: text for file, text in told.items()})

    def net_dev(self, machine: Machine, *names: str) -> None:
        lines = [f"{name}: {'1 ' * 16}" for name in names]
        machine.write({machine.proc / "net/dev": "Inter-| x\n face |y\n" + "\n".join(lines) + "\n"})

    def test_interfaces_come_and_go(self, machine: Machine) -> None:
        host = machine.input("netdev", "netclass")
        self.lay_out(machine, eth0=network_device(2), veth1=network_device(3))
        self.net_dev(machine, "eth0", "veth1")
        assert value(host, "node_network_mtu_bytes", device="veth1") == 1500
        shutil.rmtree(machine.sys / "class/net/veth1")
        self.net_dev(machine, "eth0")
        assert not any(("device", "veth1") in labels for _, labels in series_of(host))
        self.lay_out(machine, veth1=network_device(9, mtu="9000"))
        self.net_dev(machine, "eth0", "veth1")
        assert value(host, "node_network_mtu_bytes", device="veth1") == 9000
        assert value(host, "node_network_iface_id", device="veth1") == 9

    def test_devices_that_exchange_their_names_are_told_apart(self, machine: Machine) -> None:
        host = machine.input("netclass")
        self.lay_out(machine, eth0=network_device(2, speed="1000"), eth1=network_device(3, speed="10000"))
        assert value(host, "node_network_speed_bytes", device="eth0") == 125_000_000
        net = machine.sys / "class/net"
        (net / "eth0").rename(net / "tmp")
        (net / "eth1").rename(net / "eth0")
        (net / "tmp").rename(net / "eth1")
        assert value(host, "node_network_speed_bytes", device="eth0") == 1_250_000_000
        assert value(host, "node_network_iface_id", device="eth1") == 2

    def test_what_changes_without_any_device_changing_is_seen_at_once(self, machine: Machine) -> None:
        host = machine.input("netclass")
        self.lay_out(machine, eth0=network_device(2))
        assert value(host, "node_network_up", device="eth0") == 1
        machine.write({machine.sys / "class/net/eth0/operstate": "down", machine.sys / "class/net/eth0/speed": "-1"})
        assert value(host, "node_network_up", device="eth0") == 0
        assert value(host, "node_network_speed_bytes", device="eth0") == -125_000

    def test_garbage_breaks_the_family_until_it_is_gone_and_shows_no_old_values(self, machine: Machine) -> None:
        host = machine.input("netclass")
        self.lay_out(machine, eth0=network_device(2))
        assert value(host, SUCCESS, collector="netclass") == 1
        machine.write({machine.sys / "class/net/eth0/mtu": "many"})
        for _ in range(2):
            assert value(host, SUCCESS, collector="netclass") == 0
            assert value(host, "node_network_up", device="eth0") is None
        machine.write({machine.sys / "class/net/eth0/mtu": "1500"})
        assert value(host, "node_network_up", device="eth0") == 1

    def test_packets_that_nobody_wanted_come_from_sysfs(self, machine: Machine) -> None:
        host = machine.input("netdev")
        self.net_dev(machine, "eth0")
        assert value(host, "node_network_receive_nohandler_total", device="eth0") is None
        machine.write({machine.sys / "class/net/eth0/statistics/rx_nohandler": "7\n"})
        assert value(host, "node_network_receive_nohandler_total", device="eth0") == 7

    def test_more_attributes_than_files_may_be_open_are_read_all_the_same(self, machine: Machine) -> None:
        self.lay_out(machine, **{f"veth{n}": network_device(n + 1) for n in range(60)})
        host = machine.input("netclass")
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(2):
            assert value(host, "node_network_iface_id", device="veth59") == 60
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 256

    def test_the_operator_chooses_devices(self, machine: Machine) -> None:
        self.net_dev(machine, "eth0", "veth1", "docker0")
        host = machine.input("netdev", netdev={"device_include": "^(eth|veth)", "device_exclude": "^veth"})
        assert {dict(labels).get("device") for _, labels in series_of(host)} == {"eth0", None}


class TestSockets:
    def test_without_ipv6_the_rest_is_there(self, machine: Machine) -> None:
        machine.write({machine.proc / "net/sockstat": "sockets: used 3\nTCP: inuse 1 mem 2\n"})
        machine.write({machine.proc / "net/udp": UDP})
        host = machine.input("sockstat", "udp_queues")
        assert value(host, "node_sockstat_TCP_mem_bytes") == 8192
        assert value(host, "node_udp_queues", ip="v4", queue="tx") == 0x16
        assert value(host, "node_udp_queues", ip="v6", queue="tx") is None

    def test_tables_that_are_longer_than_the_kernel_hands_out_at_once(self, machine: Machine) -> None:
        header, row, _ = UDP.splitlines()
        machine.write({machine.proc / "net/udp": "\n".join([header, *[row] * 20_000]) + "\n"})
        assert value(machine.input("udp_queues"), "node_udp_queues", ip="v4", queue="rx") == 20_000 * 0x100

    def test_counters_move_between_gathers_even_where_names_move_too(self, machine: Machine) -> None:
        host = machine.input("netstat")
        machine.write({machine.proc / "net/netstat": "TcpExt: ListenDrops A\nTcpExt: 1 2\n"})
        machine.write({machine.proc / "net/snmp": "Tcp: InSegs OutSegs\nTcp: 5 6\n"})
        assert value(host, "node_netstat_Tcp_OutSegs") == 6
        machine.write({machine.proc / "net/snmp": "Tcp: OutSegs InSegs\nTcp: 7 8\n"})
        assert value(host, "node_netstat_Tcp_OutSegs") == 7
        assert value(host, "node_netstat_TcpExt_ListenDrops") == 1

    def test_a_kernel_that_tracks_no_connections_has_no_data(self, machine: Machine) -> None:
        assert value(machine.input("conntrack"), SUCCESS, collector="conntrack") == 0


class TestSensors:
    def test_a_sensor_that_refuses_is_left_out_until_it_answers(self, machine: Machine) -> None:
        chip = machine.sys / "class/hwmon/hwmon0"
        machine.write({chip / "name": "nvme", chip / "temp1_input": "", chip / "temp2_input": "30000"})
        host = machine.input("hwmon")
        assert value(host, "node_hwmon_temp_celsius", chip="nvme", sensor="temp1") is None
        assert value(host, "node_hwmon_temp_celsius", chip="nvme", sensor="temp2") == 30
        machine.write({chip / "temp1_input": "-5500\n"})
        assert value(host, "node_hwmon_temp_celsius", chip="nvme", sensor="temp1") == -5.5

    def test_a_chip_that_is_plugged_in_is_found(self, machine: Machine) -> None:
        host = machine.input("hwmon")
        assert value(host, SUCCESS, collector="hwmon") == 0
        chip = machine.sys / "class/hwmon/hwmon3"
        machine.write({chip / "name": "usb", chip / "fan1_input": "900", chip / "fan1_label": "CPU"})
        assert value(host, "node_hwmon_fan_rpm", chip="usb", sensor="fan1") == 900
        assert value(host, "node_hwmon_sensor_label", chip="usb", sensor="fan1", label="CPU") == 1

    def test_chips_of_the_same_name_do_not_become_the_same_series_twice(self, machine: Machine) -> None:
        for number in range(2):
            chip = machine.sys / f"class/hwmon/hwmon{number}"
            machine.write({chip / "name": "twin", chip / "temp1_input": f"{number}000"})
        assert value(machine.input("hwmon"), "node_hwmon_temp_celsius", chip="twin", sensor="temp1") is not None

    def test_a_thermal_zone_that_fails_is_left_out(self, machine: Machine) -> None:
        folder = machine.sys / "class/thermal"
        machine.write({folder / "thermal_zone0/type": "acpitz", folder / "thermal_zone1/type": "gpu"})
        machine.write({folder / "thermal_zone1/temp": "51000"})
        host = machine.input("thermal_zone")
        assert value(host, "node_thermal_zone_temp", type="gpu", zone="1") == 51
        assert value(host, "node_thermal_zone_temp", type="acpitz", zone="0") is None


class TestProcesses:
    def test_states_without_a_process_are_told_as_zero(self, machine: Machine) -> None:
        machine.write({machine.proc / "sys/kernel/pid_max": "9", machine.proc / "sys/kernel/threads-max": "8"})
        machine.write({machine.proc / "5/stat": "5 (x) y) Z" + " 0" * 16 + " 1" + " 0" * 8})
        host = machine.input("processes")
        assert value(host, "node_processes_state", state="Z") == 1
        assert value(host, "node_processes_state", state="D") == 0

    def test_a_rare_state_is_told_while_it_occurs(self, machine: Machine) -> None:
        machine.write({machine.proc / "sys/kernel/pid_max": "9", machine.proc / "sys/kernel/threads-max": "8"})
        host = machine.input("processes")
        assert value(host, "node_processes_state", state="X") is None
        machine.write({machine.proc / "5/stat": "5 (x) X" + " 0" * 16 + " 1" + " 0" * 8})
        assert value(host, "node_processes_state", state="X") == 1


class TestTopProcesses:
    TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")

    def stat(self, pid: int, name: str, user_s: float, pages: int, started: int = 1, flags: int = 0) -> str:
        ticks = round(user_s * self.TICKS)
        return f"{pid} ({name}) R 1 1 1 0 -1 {flags} 0 0 0 0 {ticks} 0 0 0 20 0 1 0 {started} 9000 {pages} 0 0"

    def gather(self, machine: Machine, host: TopProcesses, **stats: str) -> dict[tuple[str, str], float]:
        """Lays out the processes that there are, and reads the seconds and bytes of each name."""
        there = {stat.split()[0]: stat for stat in stats.values()}
        for pid in {folder.name for folder in machine.proc.iterdir()} - there.keys():
            shutil.rmtree(machine.proc / pid)
        machine.write({machine.proc / pid / "stat": stat for pid, stat in there.items()})
        keys, values = host.gather()
        series = zip(keys, values, strict=True)
        wanted = {"namedprocess_namegroup_cpu_seconds_total": "user", "namedprocess_namegroup_memory_bytes": "resident"}
        return {
            (dict(key.labels)["groupname"], wanted[key.name]): value
            for key, value in series
            if wanted.get(key.name) in dict(key.labels).values()
        }

    def top(self, machine: Machine, most: int = 1) -> tuple[TopProcesses, list[float]]:
        now = [0.0]
        return TopProcesses(ProcessTable(str(machine.proc)), most, lambda: now[0]), now

    def test_the_busiest_and_the_largest_are_told_by_name(self, machine: Machine) -> None:
        host, now = self.top(machine)
        idle = self.stat(3, "idle", 7.0, 1)
        before = self.gather(
            machine, host, idle=idle, db=self.stat(4, "db", 50.0, 500), hog=self.stat(5, "hog", 9.0, 2)
        )
        assert before == {("db", "user"): 0.0, ("db", "resident"): 500 * self.PAGE}, "nobody knows when it took 50 s"
        now[0] = 10.0
        after = self.gather(
            machine, host, idle=idle, db=self.stat(4, "db", 50.1, 500), hog=self.stat(5, "hog", 18.5, 2)
        )
        assert {name for name, _ in after} == {"db", "hog"}
        assert after["hog", "user"] == pytest.approx(9.5)
        assert after["db", "user"] == pytest.approx(0.1)

    def test_processes_of_a_name_are_one_and_new_ones_count_from_their_start(self, machine: Machine) -> None:
        host, now = self.top(machine)
        self.gather(machine, host, one=self.stat(4, "w", 50.0, 10))
        now[0] = 10.0
        told = self.gather(machine, host, one=self.stat(4, "w", 52.0, 10), two=self.stat(5, "w", 3.0, 7, started=9))
        assert told == {("w", "user"): 5.0, ("w", "resident"): 17 * self.PAGE}
        now[0] = 20.0  # another one has the number of the first
        assert self.gather(machine, host, other=self.stat(4, "w", 1.0, 5, started=15))["w", "user"] == 6.0

    def test_a_name_that_was_first_is_told_for_an_hour(self, machine: Machine) -> None:
        host, now = self.top(machine)
        small, large = self.stat(4, "small", 0.0, 1), self.stat(5, "large", 0.0, 9)
        self.gather(machine, host, small=small, large=large)
        now[0] = 60.0
        gone = self.gather(machine, host, small=small)
        assert gone["large", "resident"] == 0
        now[0] = 3599.0
        assert ("large", "user") in self.gather(machine, host, small=small)
        now[0] = 3600.0
        assert ("large", "user") not in self.gather(machine, host, small=small)

    def test_workers_of_the_kernel_are_one(self, machine: Machine) -> None:
        host, now = self.top(machine)
        kernel = 0x0020_0000
        self.gather(machine, host)
        now[0] = 10.0
        workers = {
            "one": self.stat(4, "kworker/0:1-events", 2.0, 0, flags=kernel),
            "two": self.stat(5, "kworker/u8:3", 1.0, 0, flags=kernel),
        }
        assert self.gather(machine, host, **workers)["kworker", "user"] == 3.0


class TestClock:
    def timex(self, status: int, offset: int) -> bytes:
        fields = [0, offset, 65536 * 5, 2_000, 1_000, status, 7, 0, 0, 0, 0, 10_000, 0, offset, 0, 0, 1, 2, 3, 4, 37]
        return struct.pack("@I4li8li5li", *fields)

    def read(self, state: int, timex: bytes) -> dict[str, float]:
        keys, values = Timex(lambda: (state, timex)).gather()
        return {key.name.removeprefix("node_timex_"): one for key, one in zip(keys, values, strict=True)}

    def test_offsets_are_in_micro_or_nanoseconds_as_the_status_says(self) -> None:
        assert self.read(0, self.timex(0, 1_500))["offset_seconds"] == 0.0015
        assert self.read(0, self.timex(0x2000, 1_500))["pps_jitter_seconds"] == 0.0000015

    def test_every_field_is_where_the_kernel_puts_it(self) -> None:
        told = self.read(0, self.timex(0, 0))
        assert told["frequency_adjustment_ratio"] == 1.000005
        assert (told["maxerror_seconds"], told["estimated_error_seconds"]) == (0.002, 0.001)
        assert (told["loop_time_constant"], told["tick_seconds"], told["tai_offset_seconds"]) == (7, 0.01, 37)
        counts = ("jitter", "calibration", "error", "stability_exceeded")
        assert [told[f"pps_{name}_total"] for name in counts] == [1, 2, 3, 4]

    def test_a_clock_that_nobody_keeps_is_not_synchronized(self) -> None:
        assert self.read(5, self.timex(64, 0))["sync_status"] == 0
        assert self.read(0, self.timex(1, 0))["sync_status"] == 1

    def test_where_it_is_forbidden_there_is_no_data(self) -> None:
        def forbidden() -> tuple[int, bytes]:
            raise PermissionError

        with pytest.raises(NoData):
            Timex(forbidden).gather()

    def test_the_kernel_answers(self) -> None:
        assert isinstance(Timex(Adjtimex()).gather(), Columns)


class TestIdentity:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ('NAME="Debian GNU/Linux"', {"NAME": "Debian GNU/Linux"}),
            ("NAME='a \"b\"'", {"NAME": 'a "b"'}),
            (r'NAME="a \"b\" \$c"', {"NAME": 'a "b" $c'}),
            ("# NAME=x", {}),
            ('NAME="open', {}),
            ("nonsense", {}),
            ("ID=debian\nID=other", {"ID": "other"}),
        ],
    )
    def test_os_release_is_read_as_a_shell_reads_it(self, line: str, said: dict[str, str]) -> None:
        assert parse_os_release(line) == said

    def test_an_upgrade_is_seen_without_a_restart(self, machine: Machine) -> None:
        host = machine.input("os")
        machine.write({machine.root / "usr/lib/os-release": "ID=debian\nVERSION_ID=12\nSUPPORT_END=2028-06-30\n"})
        assert value(host, "node_os_version", id="debian", id_like="", name="") == 12
        assert value(host, "node_os_support_end_timestamp_seconds") == 1845936000
        machine.write({machine.root / "etc/os-release": "ID=debian\nVERSION_ID=13\n"})
        assert value(host, "node_os_version", id="debian", id_like="", name="") == 13

    def test_a_rolling_release_has_no_number(self, machine: Machine) -> None:
        machine.write({machine.root / "etc/os-release": "ID=arch\n"})
        names = {name for name, _ in series_of(machine.input("os"))}
        assert "node_os_info" in names
        assert "node_os_version" not in names

    def test_selinux_tells_its_modes_where_it_is_on(self, machine: Machine) -> None:
        host = machine.input("selinux")
        assert value(host, "node_selinux_enabled") == 0
        machine.write({machine.sys / "fs/selinux/enforce": "0"})
        machine.write({machine.root / "etc/selinux/config": "# x\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"})
        assert value(host, "node_selinux_enabled") == 1
        assert value(host, "node_selinux_current_mode") == 0
        assert value(host, "node_selinux_config_mode") == 1
