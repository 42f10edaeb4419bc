"""The options of the `host` input. Defaults are node_exporter's."""

import re

from pydantic import Field

from netmon_agent.inputs.host.filters import Filter
from netmon_configs.options import Duration, Options


class Families(Options):
    """Which families are gathered; each is named as node_exporter names its collector, where it has it."""

    arp: bool = True
    conntrack: bool = True
    cpu: bool = True
    cpufreq: bool = True
    diskstats: bool = True
    entropy: bool = True
    filefd: bool = True
    filesystem: bool = True
    hwmon: bool = True
    loadavg: bool = True
    meminfo: bool = True
    netclass: bool = True
    netdev: bool = True
    netstat: bool = True
    os: bool = True
    pressure: bool = True
    processes: bool = True
    selinux: bool = True
    sockstat: bool = True
    softnet: bool = True
    stat: bool = True
    systemd: bool = True
    thermal_zone: bool = True
    time: bool = True
    timex: bool = True
    top_processes: bool = True
    udp_queues: bool = True
    uname: bool = True
    vmstat: bool = True


Pattern = re.Pattern[str]


class DeviceOptions(Options):
    """Which devices are shown: those that `device_include` matches, where given, and `device_exclude` does not."""

    device_include: Pattern | None = None
    device_exclude: Pattern | None = None

    def filter(self) -> Filter:
        return Filter(self.device_include, self.device_exclude)


class DiskOptions(DeviceOptions):
    """Which disks are shown."""

    device_exclude: Pattern | None = re.compile(r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$")


class FilesystemOptions(Options):
    """Which file systems are shown, and how long a file server may take to answer."""

    mount_points_exclude: Pattern | None = re.compile(
        r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
    )
    fs_types_exclude: Pattern | None = re.compile(
        r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs"
        r"|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$"
    )
    mount_timeout_s: Duration = Field(default=1.0, alias="mount_timeout", gt=0, le=60)


class NetstatOptions(Options):
    """Which counters of the network stack are shown."""

    fields: Pattern = re.compile(
        r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
        r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
        r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
        r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
    )


class VmstatOptions(Options):
    """Which counters of virtual memory are shown."""

    fields: Pattern = re.compile(r"^(oom_kill|pgpg|pswp|pg.*fault).*")


class ProcessOptions(Options):
    """Whether states of threads are shown too, which means to read a file for each thread of the machine."""

    thread_states: bool = False


class TopProcessOptions(Options):
    """How many names of processes are shown by the processor time that they take, and as many by their memory."""

    most: int = Field(default=5, ge=1, le=100)


class SystemdOptions(Options):
    """Which units are shown; a pattern must match the whole name, as in node_exporter."""

    unit_include: Pattern = re.compile(r".+")
    unit_exclude: Pattern = re.compile(r".+\.(automount|device|mount|scope|slice)")
    address: str | None = Field(default=None, pattern="^unix:")
    timeout_s: Duration = Field(default=1.0, alias="timeout", gt=0, le=60)

    def filter(self) -> Filter:
        """Of whole names."""
        return Filter(_whole(self.unit_include), _whole(self.unit_exclude))


def _whole(pattern: Pattern) -> Pattern:
    return re.compile(rf"^(?:{pattern.pattern})$", pattern.flags)


class HostOptions(Options):
    """What to read of this machine, and where."""

    procfs: str = "/proc"
    sysfs: str = "/sys"
    rootfs: str = "/"
    udev_data: str = "/run/udev/data"

    families: Families = Field(default_factory=Families)
    diskstats: DiskOptions = Field(default_factory=DiskOptions)
    filesystem: FilesystemOptions = Field(default_factory=FilesystemOptions)
    netclass: DeviceOptions = Field(default_factory=DeviceOptions)
    netdev: DeviceOptions = Field(default_factory=DeviceOptions)
    netstat: NetstatOptions = Field(default_factory=NetstatOptions)
    processes: ProcessOptions = Field(default_factory=ProcessOptions)
    systemd: SystemdOptions = Field(default_factory=SystemdOptions)
    top_processes: TopProcessOptions = Field(default_factory=TopProcessOptions)
    vmstat: VmstatOptions = Field(default_factory=VmstatOptions)
