"""Files of the key commands: passphrases that are read, keys and certificates that are written."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import click

from feedsrv.errors import OperatorError

_MOST_BYTES: Final = 4096


class PassphraseFileError(OperatorError):
    """The file of a passphrase is empty, too large, or may be read by others."""

    code = "key.passphrase_file"


class FileTakenError(OperatorError):
    """There is a file already where something was to be written; it stays."""

    code = "key.file_taken"


class NewFile(click.Path):
    """A file that is to be written, asked for before anything is done: a certificate would be lost else."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Take the path of a file that is not there yet, in a folder that is."""
        path = Path(value)
        if os.path.lexists(path):
            raise FileTakenError(_taken(path))
        if not path.parent.is_dir():
            self.fail(f"there is no folder {path.parent} to write {path.name} into", param, ctx)
        return super().convert(value, param, ctx)


def read_passphrase(path: Path | None) -> bytes | None:
    """The passphrase in a file, without the end of its line; None without a file.

    Raises:
        PassphraseFileError: it is empty, too large, or may be read by others on this machine.
    """
    if path is None:
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PassphraseFileError(
            f"{path}: the passphrase may be read by others on this machine (mode {mode:04o}); "
            f"run: chmod 600 {path}"
        )
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1).rstrip(b"\r\n")
    if not content or len(content) > _MOST_BYTES:
        raise PassphraseFileError(f"{path}: holds no passphrase; write it there, alone in one line")
    return content


def keep_file(path: Path, content: bytes) -> None:
    """Write a new file that its owner alone may read.

    Raises:
        FileTakenError: there is one already.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise FileTakenError(_taken(path)) from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _taken(path: Path) -> str:
    return f"{path}: is there already, and stays as it is; name another file"
