"""Rules for the fleet of fleet_samples, of the shapes that public packs have: for each site, and for all hosts."""

from collections.abc import Iterator
from typing import Final

GROUPS: Final = 20
FAILING: Final = "CheckFails"
"""The alert that fires for each host whose `probe_success` is 0."""

_REAL: Final = 'fstype!~"^(fuse.*|tmpfs|cifs|nfs)"'


def _cpu(mode: str) -> str:
    return f'rate(node_cpu_seconds_total{{{{mode="{mode}"{{s}}}}}}[5m])'


_HOSTS: Final = (
    'up{{job="node"{s}}} == 0',
    'absent(up{{job="node"{s}}})',
    "node_memory_MemAvailable_bytes{{{o}}} / node_memory_MemTotal_bytes{{{o}}} < .0001 / {k}",
    "(1 - node_memory_SwapFree_bytes{{{o}}} / node_memory_MemTotal_bytes{{{o}}}) * 100 > 100 * {k}",
    f"node_filesystem_avail_bytes{{{{{_REAL}{{s}}}}}} / node_filesystem_size_bytes{{{{{_REAL}{{s}}}}}} < .0001 / {{k}}",
    (
        f"predict_linear(node_filesystem_avail_bytes{{{{{_REAL}{{s}}}}}}[5m], {{k}} * 60) <= 0"
        " and node_filesystem_avail_bytes{{{o}}} > 0"
    ),
    "rate(node_network_receive_bytes_total{{{o}}}[2m]) / 1e6 > {k} * 1e6",
    "rate(node_network_transmit_bytes_total{{{o}}}[2m]) / 1e6 > {k} * 1e6",
    (
        "rate(node_network_receive_errs_total{{{o}}}[2m]) / rate(node_network_receive_packets_total{{{o}}}[2m]) > {k}"
        " and rate(node_network_receive_packets_total{{{o}}}[2m]) > 0"
    ),
    f"1 - avg without (cpu) ({_cpu('idle')}) > 1 + {{k}}",
    f"avg without (cpu) ({_cpu('steal')}) * 100 > 100 + {{k}}",
    f"avg by (instance) ({_cpu('iowait')}) > 1 + {{k}}",
    "rate(node_disk_io_time_seconds_total{{{o}}}[5m]) > {k} * 1e9",
    "rate(node_disk_read_bytes_total{{{o}}}[5m]) + rate(node_disk_written_bytes_total{{{o}}}[5m]) > {k} * 1e9",
    'node_load5{{{o}}} / count without (cpu, mode) (node_cpu_seconds_total{{mode="idle"{s}}}) > 100 * {k}',
    "changes(node_boot_time_seconds{{{o}}}[10m]) > {k}",
    "rate(node_context_switches_total{{{o}}}[5m]) > {k} * 1e9",
    "time() - node_boot_time_seconds{{{o}}} < 600 / {k}",
    "count by (site) (up{{{o}}} == 0) / count by (site) (up{{{o}}}) > .5 * {k}",
    "max_over_time(node_load1{{{o}}}[5m]) > 1000 * {k}",
    "{p}instance:cpu:ratio{{{o}}} > 1 + {k}",
)
_NETWORK: Final = (
    "rate(ifHCInOctets{{{o}}}[5m]) * 8 / 1e9 > {k} * 1e3",
    "rate(ifHCOutOctets{{{o}}}[5m]) * 8 / 1e9 > {k} * 1e3",
    "sum by (instance) (rate(ifHCInOctets{{{o}}}[5m]) + rate(ifHCOutOctets{{{o}}}[5m])) > {k} * 1e15",
    'increase(ifHCInOctets{{ifName=~"Gi0/[12]"{s}}}[5m]) > {k} * 1e15',
    'rate(ifHCInOctets{{ifIndex="{port}"{s}}}[2m]) == 0',
    "max by (site, ifName) (rate(ifHCOutOctets{{{o}}}[5m])) > {k} * 1e15",
    "avg_over_time(probe_duration_seconds{{{o}}}[5m]) > {k} * 1e3",
    "quantile by (site) (0.95, probe_duration_seconds{{{o}}}) > {k} * 1e3",
    "avg_over_time(probe_success{{{o}}}[5m]) < .01 / {k}",
    'absent(ifHCInOctets{{ifIndex="{port}"{s}}})',
)
_RECORDED: Final = (
    ("{p}instance:cpu:ratio", f"1 - avg by (instance, site) ({_cpu('idle')})"),
    ("{p}site:load:sum", "sum by (site) (node_load1{{{o}}})"),
)
_WAITS: Final = ("0m", "1m", "5m")


def rule_file(count: int, every_s: int) -> str:
    """So many rules in 20 groups: of eight sites hosts and network, and both of the whole fleet, as two teams see it.

    Alerts do not fire, but for checks that fail. A shape is there once for each severity, with a threshold of its own.
    """
    lines = ["groups:"]
    for group in range(GROUPS):
        site = f'site="site{group // 2}"' if group < 16 else ""
        lines += [f"  - name: g{group}", f"    interval: {every_s}s", "    rules:"]
        lines += [f"      - {rule}" for rule in _rules(group, count // GROUPS, site)]
    return "\n".join(lines) + "\n"


def _rules(group: int, count: int, site: str) -> Iterator[str]:
    own = {"o": site, "s": f",{site}" if site else "", "port": 1 + group % 12, "p": "" if site else f"g{group}:"}
    left = count
    if group % 2 == 0:
        for name, expr in _RECORDED:
            left -= 1
            yield f"{{record: '{name.format(**own)}', expr: '{expr.format(**own)}'}}"
    elif site:
        left -= 1
        yield _alert(FAILING, f"probe_success{{{site}}} == 0", "page", "0m")
    shapes = (_HOSTS, _NETWORK)[group % 2]
    for number in range(left):
        expr = shapes[number % len(shapes)].format(k=1 + number // len(shapes), **own)
        yield _alert(f"Alert{group}x{number}", expr, f"level{number // len(shapes)}", _WAITS[number % len(_WAITS)])


def _alert(name: str, expr: str, severity: str, waits: str) -> str:
    texts = "summary: '{{ $labels.instance }} {{ $value | humanize }}'"
    return (
        f"{{alert: '{name}', expr: '{expr}', for: {waits}, labels: {{severity: {severity}}}, annotations: {{{texts}}}}}"
    )
