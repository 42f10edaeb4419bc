"""Tells which configuration files of this host were added, changed or removed, and never what is in them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, PrivateAttr

from netmon_agent.inputs.base import Columns, Reading
from netmon_agent.inputs.events.changes import Change, ChangeSource
from netmon_agent.inputs.events.watched import FileChange, Watched
from netmon_configs.options import FilePath, Size

PATHS: Final = tuple(
    Path("/etc") / name
    for name in (
        "apache2 bind bird bird.conf chrony chrony.conf containerd cron.d crontab dhcp dnsmasq.conf dnsmasq.d "
        "docker dovecot firewalld freeradius frr fstab haproxy hostapd hosts httpd iptables kea keepalived "
        "kubernetes ldap libvirt lighttpd lldpd.d mongod.conf my.cnf my.cnf.d mysql named.conf netmon netplan "
        "network NetworkManager nftables.conf nginx nsd nsswitch.conf ntp.conf openldap openvpn pam.d php postfix "
        "postgresql prometheus rabbitmq raddb redis redis.conf resolv.conf rsyslog.conf rsyslog.d samba snmp squid "
        "ssh sssd swanctl sysconfig sysctl.conf sysctl.d systemd ufw unbound varnish wireguard"
    ).split()
)
"""What the network, the system and well-known daemons are configured by."""


class ConfigurationInput(ChangeSource):
    """Watches files, and those in folders, by their size and times and by a digest of what is in them."""

    source: ClassVar[str] = "configuration"
    kind: ClassVar[str] = "configuration.changed"
    noun: ClassVar[str] = "file"
    counter: ClassVar[str] = "netmon_configuration_changed_total"

    type: Literal["configuration"]
    paths: tuple[FilePath, ...] = Field(default=PATHS, min_length=1, max_length=1_000)
    max_files: int = Field(default=2_000, ge=1, le=100_000)
    max_size_bytes: Size = Field(default=256 << 10, alias="max_size", ge=0, le=1 << 30)
    _watched: Watched | None = PrivateAttr(default=None)

    @property
    def trouble(self) -> str | None:
        if self._watched is None or not self._watched.is_full:
            return None
        return f"there are more than {self.max_files} files; raise 'max_files' or name fewer 'paths'"

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        readings = await super().gather(now_ms)
        count = len(self._watched) if self._watched else 0
        return [*readings, Reading("netmon_configuration_files", {}, count)]

    def look(self, now_ms: int) -> Sequence[Change]:
        if self._watched is None:
            self._watched = Watched(self.paths, self.max_files, self.max_size_bytes)
            self.go_on(self._watched.go_on)
        return [Change(one.noticed_ms, in_words(one)) for one in self._watched.look(now_ms)]

    def seen(self) -> dict[str, Any] | None:
        return self._watched.seen() if self._watched else None


def in_words(change: FileChange) -> str:
    """Its name, what was done, and its size and time in UTC."""
    name = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in change.path)
    if change.done == "removed":
        return f"{name} removed"
    written = datetime.fromtimestamp(change.modified_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return f"{name} {change.done} at {written}, {change.size_bytes} bytes"
