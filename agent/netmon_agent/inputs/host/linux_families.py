"""The families of Linux: each with what it needs."""

from collections.abc import Callable
from pathlib import Path

from netmon_agent.inputs.host.clock import Adjtimex, Time, Timex
from netmon_agent.inputs.host.cpu import Cpu, ProcStat, Stat
from netmon_agent.inputs.host.cpufreq import Cpufreq
from netmon_agent.inputs.host.disks import Diskstats
from netmon_agent.inputs.host.family import Family
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.filesystem import Filesystem
from netmon_agent.inputs.host.identity import OsRelease, Uname
from netmon_agent.inputs.host.kernel import Entropy, Filefd, Loadavg, Pressure, Selinux
from netmon_agent.inputs.host.memory import Meminfo, Vmstat
from netmon_agent.inputs.host.netclass import Netclass
from netmon_agent.inputs.host.netdev import Netdev
from netmon_agent.inputs.host.netstat import Netstat
from netmon_agent.inputs.host.options import HostOptions
from netmon_agent.inputs.host.processes import Processes, ProcessTable
from netmon_agent.inputs.host.sensors import Hwmon, ThermalZone
from netmon_agent.inputs.host.sockets import Arp, Conntrack, Sockstat, Softnet, UdpQueues
from netmon_agent.inputs.host.top_processes import TopProcesses


def makers(options: HostOptions, files: Files) -> dict[str, Callable[[], Family]]:
    """How each family is made, by its name."""
    procfs, sysfs, rootfs = options.procfs, options.sysfs, options.rootfs
    stat, processes = ProcStat(files, procfs), ProcessTable(procfs)
    makers: dict[str, Callable[[], Family]] = {
        "arp": lambda: Arp(files, procfs),
        "conntrack": lambda: Conntrack(files, procfs),
        "cpu": lambda: Cpu(stat, files, sysfs),
        "cpufreq": lambda: Cpufreq(files, sysfs),
        "diskstats": lambda: Diskstats(files, procfs, options.udev_data, options.diskstats.filter()),
        "entropy": lambda: Entropy(files, procfs),
        "filefd": lambda: Filefd(files, procfs),
        "filesystem": lambda: Filesystem(files, procfs, rootfs, options.filesystem),
        "hwmon": lambda: Hwmon(files, sysfs),
        "loadavg": lambda: Loadavg(files, procfs),
        "meminfo": lambda: Meminfo(files, procfs),
        "netclass": lambda: Netclass(files, sysfs, options.netclass.filter()),
        "netdev": lambda: Netdev(files, procfs, sysfs, options.netdev.filter()),
        "netstat": lambda: Netstat(files, procfs, options.netstat.fields),
        "os": lambda: OsRelease(rootfs),
        "pressure": lambda: Pressure(files, procfs),
        "processes": lambda: Processes(processes, files, procfs, options.processes.thread_states),
        "selinux": lambda: Selinux(files, sysfs, rootfs),
        "sockstat": lambda: Sockstat(files, procfs),
        "softnet": lambda: Softnet(files, procfs),
        "stat": lambda: Stat(stat),
        "thermal_zone": lambda: ThermalZone(files, sysfs),
        "time": lambda: Time(files, sysfs),
        "timex": lambda: Timex(Adjtimex()),
        "top_processes": lambda: TopProcesses(processes, options.top_processes.most),
        "udp_queues": lambda: UdpQueues(files, procfs),
        "uname": lambda: Uname(files, procfs),
        "vmstat": lambda: Vmstat(files, procfs, options.vmstat.fields),
    }
    if options.systemd.address or _systemd_runs(rootfs):
        makers["systemd"] = lambda: _systemd(options)
    return makers


def _systemd_runs(rootfs: str) -> bool:
    """As sd_booted(3) tells."""
    return (Path(rootfs) / "run/systemd/system").is_dir()


def _systemd(options: HostOptions) -> Family:
    from netmon_agent.inputs.host.systemd import Systemd  # the D-Bus library is loaded where it is needed

    return Systemd(options.systemd.address or "SYSTEM", options.systemd.filter(), options.systemd.timeout_s)
