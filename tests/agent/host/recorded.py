"""A machine that has what this one may lack: many processors, throttling, sensors, disks that udev knows, a bond."""

from pathlib import Path

from tests.agent.host.trees import Machine

CPUS = 12

STAT = (
    "cpu  1320 110 264 264000 1210 12 77 33 55 44\n"
    + "".join(f"cpu{n} {100 + n} 10 2{n % 10} 2{n:04} 110 1 7 3 5 4\n" for n in range(CPUS))
    + "intr 987654321 9 0 0 17 0 0\nctxt 1234567890\nbtime 1700000000\nprocesses 424242\nprocs_running 3\n"
    + "procs_blocked 1\nsoftirq 77 1 2 3 4 5 6 7 8 9 10\n"
)

MEMINFO = """\
MemTotal:       65843212 kB
MemFree:         1234567 kB
MemAvailable:   43210987 kB
Active(anon):     765432 kB
Inactive(file):   123456 kB
HugePages_Total:      16
HugePages_Free:        4
Hugepagesize:       2048 kB
DirectMap4k:      512000 kB
DirectMap1G:    62914560 kB
"""

VMSTAT = (
    "nr_free_pages 308641\npgpgin 123456\npgpgout 654321\npswpin 1\npswpout 2\npgfault 99\npgmajfault 9\noom_kill 3\n"
)

DISKSTATS = """\
   8       0 sda 37785 11470 3244314 9440 6544 26463 1654552 3470 2 4864 13077 4556 1 139624 157 618 9
   8       1 sda1 10 0 80 1 0 0 0 0 0 1 1 0 0 0 0
 259       0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
 253       0 dm-0 100 0 800 10 200 0 1600 20 0 30 30
   7       0 loop0 1 0 8 0 0 0 0 0 0 0 0
"""

UDEV_SDA = """\
S:disk/by-id/ata-Samsung
E:ID_ATA=1
E:ID_ATA_WRITE_CACHE=1
E:ID_ATA_WRITE_CACHE_ENABLED=0
E:ID_ATA_ROTATION_RATE_RPM=7200
E:ID_MODEL=Samsung_SSD_870
E:ID_PATH=pci-0000:00:17.0-ata-1
E:ID_REVISION=SVT01B6Q
E:ID_SERIAL=Samsung_SSD_870_S5Y1
E:ID_SERIAL_SHORT=S5Y1
E:ID_WWN=0x5002538f00000001
"""

UDEV_DM = """\
E:DM_NAME=vg0-root
E:DM_UUID=LVM-abc
E:DM_VG_NAME=vg0
E:DM_LV_NAME=root
E:DM_LV_LAYER=
E:ID_FS_TYPE=ext4
E:ID_FS_USAGE=filesystem
E:ID_FS_UUID=3d4e
E:ID_FS_VERSION=1.0
"""

NET_DEV = """\
Inter-|   Receive                                             |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 1443714  909  0  0  0  0  0  0  1443714  909  0  0  0  0  0  0
 bond0: 18446744073709551615 7752 1 2 3 4 5 6 485920 4632 7 8 9 10 11 12
  eth0: 234764265  7752  0  0  0  0  0 17  485920  4632  0  0  0  0  0  0
"""

NETSTAT = """\
TcpExt: SyncookiesSent SyncookiesRecv ListenOverflows ListenDrops TCPTimeouts Other
TcpExt: 1 2 3 4 5 6
IpExt: InNoRoutes InOctets OutOctets
IpExt: 0 235865401 1779112
"""

SNMP = """\
Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 1000
Icmp: InMsgs InErrors OutMsgs
Icmp: 104 0 120
Tcp: RtoAlgorithm RtoMin MaxConn ActiveOpens CurrEstab InSegs InErrs
Tcp: 1 200 -1 3556 12 57252008 5
Udp: InDatagrams NoPorts InErrors
Udp: 88542 120 0
"""

SNMP6 = "Ip6InReceives                   \t7\nIp6InOctets                     \t460\nIcmp6InMsgs 11\nUdp6InErrors 2\n"

SOCKSTAT = """\
sockets: used 229
TCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1
UDP: inuse 0 mem 2
RAW: inuse 0
FRAG: inuse 0 memory 0
"""

SOFTNET = "".join(
    f"{0x1000 + n:08x} 0000000{n % 8} 00000002 " + "00000000 " * 9 + f"{n:08x} 00000000 00000000\n" for n in range(CPUS)
)

ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        bond0
192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        bond0
198.51.100.9     0x1         0x2         02:fc:00:00:00:09     *        eth0
"""

UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 00000000:0035 00000000:0000 07 00000015:00000100 00:00000000 00000000     0        0 1 2 0000000000000000 0
  101: 00000000:0043 00000000:0000 07 00000001:00000000 00:00000000 00000000     0        0 2 2 0000000000000000 0
"""

CONNTRACK = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  "
    "expect_new expect_create expect_delete search_restart\n"
    "00000020  00000000 00000001 00000000 00000003 00000000 00000000 00000000 00000000 00000002 00000000 00000000 "
    "00000000  00000000 00000000 00000000 00000004\n"
    "00000020  00000000 00000010 00000000 0000002f 00000000 00000000 00000000 00000000 00000001 00000000 00000000 "
    "00000000  00000000 00000000 00000000 00000005\n"
)

PRESSURE = (
    "some avg10=0.10 avg60=2.00 avg300=3.85 total=15000000\nfull avg10=0.20 avg60=3.00 avg300=4.95 total=25123456\n"
)

MOUNTS = """\
/dev/mapper/vg0-root / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
/dev/sda1 /data\\040disk xfs ro,noatime 0 0
/dev/sda1 /data\\040disk xfs ro,noatime 0 0
/dev/gone /not/there ext4 rw 0 0
"""

OS_RELEASE = """\
# a comment
NAME="Fedora Linux"
VERSION="38 (Server Edition)"
ID=fedora
VERSION_ID=38.5
PRETTY_NAME='Fedora Linux 38 "Server"'
VARIANT_ID=server
"""


def _stat(pid: int, name: str, state: str, threads: int) -> str:
    return f"{pid} ({name}) {state} 1 {pid} {pid} 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 100 200 300" + " 0" * 28


def processes() -> dict[str, str]:
    """Three processes, one of them with three threads and a name that is made to confuse."""
    files = {
        "1/stat": _stat(1, "init", "S", 1),
        "1/task/1/stat": _stat(1, "init", "S", 1),
        "30/stat": _stat(30, "a) R (b", "S", 3),
        "7/stat": _stat(7, "kworker/0:1", "I", 1),
        "7/task/7/stat": _stat(7, "kworker/0:1", "I", 1),
    }
    for thread, state in ((30, "S"), (31, "R"), (32, "D")):
        files[f"30/task/{thread}/stat"] = _stat(thread, "a) R (b", state, 3)
    return files


def network_device(index: int, **told: str) -> dict[str, str]:
    """What sysfs tells of a device, with the defaults of a quiet one."""
    return {
        "addr_assign_type": "0",
        "address": f"02:00:00:00:00:{index:02x}",
        "broadcast": "ff:ff:ff:ff:ff:ff",
        "carrier": "1",
        "carrier_changes": "4",
        "carrier_down_count": "2",
        "carrier_up_count": "2",
        "dev_id": "0x20",
        "dormant": "0",
        "duplex": "full",
        "flags": "0x1003",
        "ifalias": "",
        "ifindex": str(index),
        "iflink": str(index),
        "link_mode": "0",
        "mtu": "1500",
        "name_assign_type": "2",
        "netdev_group": "0",
        "operstate": "up",
        "speed": "1000",
        "tx_queue_len": "1000",
        "type": "1",
    } | told


def procfs() -> dict[str, str]:
    return {
        "diskstats": DISKSTATS,
        "loadavg": "0.21 0.37 0.39 3/719 19737\n",
        "meminfo": MEMINFO,
        "1/mounts": MOUNTS,
        "mounts": MOUNTS,
        "net/arp": ARP,
        "net/dev": NET_DEV,
        "net/netstat": NETSTAT,
        "net/snmp": SNMP,
        "net/snmp6": SNMP6,
        "net/sockstat": SOCKSTAT,
        "net/sockstat6": "TCP6: inuse 17\nUDP6: inuse 9\n",
        "net/softnet_stat": SOFTNET,
        "net/stat/nf_conntrack": CONNTRACK,
        "net/udp": UDP,
        "net/udp6": UDP.splitlines()[0] + "\n",
        "pressure/cpu": PRESSURE,
        "pressure/io": PRESSURE,
        "pressure/memory": PRESSURE,
        "stat": STAT,
        "sys/fs/file-nr": "1024\t0\t1631329\n",
        "sys/kernel/domainname": "(none)\n",
        "sys/kernel/pid_max": "4194304\n",
        "sys/kernel/random/entropy_avail": "1337\n",
        "sys/kernel/random/poolsize": "4096\n",
        "sys/kernel/threads-max": "7801\n",
        "sys/net/netfilter/nf_conntrack_count": "123\n",
        "sys/net/netfilter/nf_conntrack_max": "65536\n",
        "vmstat": VMSTAT,
    } | processes()


def sysfs() -> dict[str, str]:
    files = {
        "class/net/bonding_masters": "bond0",
        "class/thermal/cooling_device0/cur_state": "0",
        "class/thermal/cooling_device0/max_state": "3",
        "class/thermal/cooling_device0/type": "Processor",
        "class/thermal/thermal_zone0/mode": "enabled",
        "class/thermal/thermal_zone0/policy": "step_wise",
        "class/thermal/thermal_zone0/temp": "49925",
        "class/thermal/thermal_zone0/type": "x86_pkg_temp",
        "class/thermal/thermal_zone1/policy": "step_wise",
        "class/thermal/thermal_zone1/temp": "-44000",
        "class/thermal/thermal_zone1/type": "acpitz",
        "devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm ",
        "devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    }
    devices = {
        "bond0": network_device(4, speed="-1", duplex="unknown", operstate="down", flags="0x1402", ifalias="up link"),
        "eth0": network_device(2),
        "lo": network_device(1, operstate="unknown", duplex="", type="772", mtu="65536"),
    }
    files |= {f"class/net/{name}/{file}": text for name, told in devices.items() for file, text in told.items()}
    return files | cpus() | sensors()


def cpus() -> dict[str, str]:
    files: dict[str, str] = {}
    for cpu in range(CPUS):
        folder = f"devices/system/cpu/cpu{cpu}"
        core = cpu // 2
        files |= {
            f"{folder}/topology/physical_package_id": str(core // 3),
            f"{folder}/topology/core_id": str(core % 3),
            f"{folder}/thermal_throttle/core_throttle_count": str(10 + core),
            f"{folder}/thermal_throttle/package_throttle_count": str(100 + core // 3),
            f"{folder}/cpufreq/cpuinfo_cur_freq": "1699981",
            f"{folder}/cpufreq/cpuinfo_min_freq": "800000",
            f"{folder}/cpufreq/cpuinfo_max_freq": "3700000",
            f"{folder}/cpufreq/scaling_cur_freq": str(1600000 + cpu),
            f"{folder}/cpufreq/scaling_min_freq": "800000",
            f"{folder}/cpufreq/scaling_max_freq": "3700000",
            f"{folder}/cpufreq/related_cpus": str(cpu),
            f"{folder}/cpufreq/scaling_driver": "intel_pstate",
            f"{folder}/cpufreq/scaling_governor": "powersave",
            f"{folder}/cpufreq/scaling_setspeed": "<unsupported>",
            f"{folder}/cpufreq/scaling_available_governors": "performance powersave",
        }
    return files


def sensors() -> dict[str, str]:
    chips = {
        "hwmon0": {
            "name": "coretemp",
            "temp1_label": "Package id 0",
            "temp1_input": "55000",
            "temp1_max": "100000",
            "temp1_crit_alarm": "0",
            "temp1_type": "4",
            "fan1_input": "1098",
            "fan1_fault": "0",
            "fan1_beep": "1",
            "in0_input": "876",
            "curr1_input": "1500",
            "power1_average": "35000000",
            "power1_average_interval": "1000",
            "power1_accuracy": "500000",
            "energy1_input": "123456789",
            "humidity1_input": "45000000",
            "pwm1": "128",
            "pwm1_enable": "2",
            "cpu0_vid": "1250",
            "vrm": "135",
            "beep_enable": "1",
            "update_interval": "2000",
            "intrusion0_alarm": "1",
            "temp2_input": "not a number",
        },
        "hwmon1": {"name": "", "temp1_input": "21000"},
    }
    return {f"class/hwmon/{chip}/{file}": text for chip, told in chips.items() for file, text in told.items()}


def lay_out(machine: Machine) -> Machine:
    """Writes the whole machine."""
    machine.write({machine.proc / name: content for name, content in procfs().items()})
    machine.write({machine.sys / name: content for name, content in sysfs().items()})
    machine.write({machine.udev / "b8:0": UDEV_SDA, machine.udev / "b253:0": UDEV_DM})
    machine.write({machine.root / "etc/os-release": OS_RELEASE, machine.root / "data disk/file": ""})
    device = machine.sys / "devices/platform/coretemp.0"
    device.mkdir(parents=True)
    (machine.sys / "class/hwmon/hwmon0/device").symlink_to(device)
    return machine


def laid_out(folder: Path) -> Machine:
    return lay_out(Machine(folder))
