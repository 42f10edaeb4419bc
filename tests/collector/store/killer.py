"""Lets processes append to a store and kills them, at little cost: each is forked from one that has all imported."""

import subprocess
import sys
from pathlib import Path

from tests.collector.store import writer


class Killer:
    """Lets writers begin and kills them; see `writer`."""

    def __init__(self) -> None:
        program = [sys.executable, str(Path(writer.__file__))]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def said(self, folder: Path, epoch: int, after_s: float) -> list[str]:
        """What a writer printed that was killed so long after its first word."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(folder, epoch, after_s, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().split()

    def close(self) -> None:
        """Ends the process that writers are forked from."""
        self._process.communicate()
