"""Whether the processes of other users can be seen (proc(5), hidepid)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from netmon_cli.doctor.base import Finding, ok, problem, warning

_HIDEPID = re.compile(r"hidepid=(\w+)")


@dataclass(frozen=True, slots=True)
class ProcessesCheck:
    """`user` is the id of the user that runs this; root sees all."""

    user: int
    proc: Path = Path("/proc")
    linux: bool = True
    matter: str = "/proc"

    def examine(self) -> Iterable[Finding]:
        if not self.linux:
            return
        try:
            (self.proc / "stat").read_bytes()
            mounts = (self.proc / "self" / "mounts").read_text(errors="replace").splitlines()
        except OSError as error:
            yield problem(f"{self.proc} can't be read: {error.strerror}", f"sudo mount -t proc proc {self.proc}")
            return
        options = [words[3] for words in map(str.split, mounts) if len(words) > 3 and words[2] == "proc"]
        hidden = [found[1] for text in options if (found := _HIDEPID.search(text)) and found[1] not in ("0", "off")]
        if hidden and self.user != 0:
            yield warning(
                f"hides the processes of other users (hidepid={hidden[0]}): they are missing from what is counted",
                f"sudo mount -o remount,hidepid=0 {self.proc}",
            )
        else:
            yield ok("can be read")
