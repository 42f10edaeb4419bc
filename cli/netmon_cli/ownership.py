"""Who owns what root makes for somebody else."""

import os
from pathlib import Path


def owner_to_be(folder: Path) -> Path:
    """Whose owner a folder is to have: itself, or what is there of the folders around it."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def give(folder: Path, like: Path) -> None:
    """Gives all in a folder to the owner of another one, where this is root's command for somebody else."""
    if os.name == "posix" and os.geteuid() == 0:
        owner = like.stat()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
