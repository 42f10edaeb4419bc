"""What lines of package managers' logs tell: what was installed, upgraded or removed, and from which version to which.

The forms are those that the programs themselves write: dpkg (dpkg(1), --log), dnf up to 4 (`dnf.rpm.log`; the feature
`log.feature` of rpm-software-management/ci-dnf-stack), dnf 5 (`dnf5.log`; `Transaction::ts_callback` of libdnf5), yum
(`yum.log`), pacman (`commit_single_pkg` of libalpm), apk (`print_change` of apk-tools) and zypper (`HistoryLog.cc` of
libzypp).
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

NOTHING: Final = "<none>"


class PackageChange(NamedTuple):
    """A package, what was done to it, and its versions; "" where there is none or the log does not tell it."""

    done: str
    package: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.done in ("installed", "reinstalled", "removed", "purged"):
            return " ".join(one for one in (self.package, self.after or self.before, self.done) if one)
        versions = (f" {word} {one}" for word, one in (("from", self.before), ("to", self.after)) if one)
        return f"{self.package} {self.done}{''.join(versions)}"


_DPKG: Final = re.compile(
    r"\d{4}-\S+ \d\S+ (?P<done>install|upgrade|remove|purge) (?P<package>[^\s:]+)\S* (?P<before>\S+) (?P<after>\S+)$"
)
_DNF: Final = re.compile(
    r"\S+ SUBDEBUG (?P<done>Installed|Reinstall|Upgrade|Upgraded|Downgrade|Downgraded|Erase): (?P<nevra>\S+)$"
)
_DNF5: Final = re.compile(r'\S+ \[\d+\] INFO RPM callback (?P<done>install|uninstall) start "(?P<nevra>[^"]+)"')
_YUM: Final = re.compile(r"\w{3} [ \d]\d [\d:]{8} (?P<done>Installed|Updated|Erased): (?:\d+:)?(?P<nevra>\S+)$")
_PACMAN: Final = re.compile(
    r"\[[^\]]+\] \[ALPM\] (?P<done>installed|reinstalled|upgraded|downgraded|removed) (?P<package>\S+) "
    r"\((?P<before>\S+?)(?: -> (?P<after>\S+))?\)$"
)
_APK: Final = re.compile(
    r"\( *\d+/\d+\) (?P<done>Installing|Reinstalling|Upgrading|Downgrading|Replacing|Purging) (?P<package>[^\s@]+)\S* "
    r"\((?P<before>\S+?)(?: -> (?P<after>\S+))?\)$"
)
_ZYPPER: Final = re.compile(r"\d{4}-\S+ [\d:]{8}\|(?P<done>install|remove) *\|(?P<package>[^|]+)\|(?P<before>[^|]+)\|")
_FORMS: Final = (_DPKG, _DNF, _DNF5, _YUM, _PACMAN, _APK, _ZYPPER)
_NEVRA: Final = re.compile(r"(?P<package>.+)-(?:0:)?(?P<version>[^-]+-[^-]+)\.[^.-]+$")
"""Name, epoch, version, release and architecture of an RPM."""
_DONE: Final = {
    "install": "installed",
    "installing": "installed",
    "reinstall": "reinstalled",
    "reinstalling": "reinstalled",
    "upgrade": "upgraded",
    "upgrading": "upgraded",
    "updated": "upgraded",
    "downgrade": "downgraded",
    "downgrading": "downgraded",
    "replacing": "replaced",
    "remove": "removed",
    "erase": "removed",
    "erased": "removed",
    "uninstall": "removed",
    "purge": "purged",
    "purging": "removed",
}
_GONE: Final = frozenset({"removed", "purged"})


def changes_in(lines: Iterable[str]) -> list[PackageChange]:
    """What was done to packages by these lines, in their order.

    dnf tells of the new version first and of the one that went later: both are one change. Of an old one whose new one
    is not among the lines dnf 5 tells as of any that is removed; that of dnf 4 has been told of before.
    """
    found: list[PackageChange] = []
    for line in lines:
        match = next((match for form in _FORMS if (match := form.match(line))), None)
        if match is None:
            continue
        if "nevra" not in match.re.groupindex:
            found.append(_of_one_line(match))
        elif match["done"] in ("Upgraded", "Downgraded", "uninstall"):
            _end(found, match)
        else:
            done, (package, version) = _done(match), _of_rpm(match["nevra"])
            is_gone = done in _GONE
            found.append(PackageChange(done, package, version if is_gone else "", "" if is_gone else version))
    return found


def _done(match: re.Match[str]) -> str:
    word = match["done"].lower()
    return _DONE.get(word, word)


def _of_one_line(match: re.Match[str]) -> PackageChange:
    done = _done(match)
    before, after = match["before"], match.groupdict().get("after") or ""
    if not after and done not in _GONE:
        before, after = "", before
    return PackageChange(done, match["package"], *("" if one == NOTHING else one for one in (before, after)))


def _end(found: list[PackageChange], match: re.Match[str]) -> None:
    """Notes which version of a package went."""
    package, version = _of_rpm(match["nevra"])
    for number, one in enumerate(found):
        if one.package == package and not one.before:
            done = "changed" if one.done == "installed" else one.done
            found[number] = one._replace(done=done, before=version)
            return
    if match["done"] == "uninstall":
        found.append(PackageChange("removed", package, version, ""))


def _of_rpm(nevra: str) -> tuple[str, str]:
    """Name and version."""
    match = _NEVRA.match(nevra)
    return (match["package"], match["version"]) if match else (nevra, "")
