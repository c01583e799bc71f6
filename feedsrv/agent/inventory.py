"""What this server runs: its product, its build, and the identity that rollouts and jitter go by."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feedsrv.errors import OperatorError
from feedsrv.model.build import BadBuildError, Build

_MAX_TEXT: Final = 4096
"""Bytes of a text file that is meant to hold one build."""
_MAX_EXECUTABLE: Final = 64 * 1024 * 1024
"""Bytes; the setup programs that carry a product's build are far smaller."""

# VS_FIXEDFILEINFO, https://learn.microsoft.com/windows/win32/api/verrsrc/ns-verrsrc-vs_fixedfileinfo:
# signature, structure version 1.0, then the file version as two pairs of 16 bits.
_FIXED_FILE_INFO: Final = struct.pack("<II", 0xFEEF04BD, 0x00010000)
_KEY: Final = "VS_VERSION_INFO".encode("utf-16-le")


class BuildSourceError(OperatorError):
    """The file that should say which build this server runs does not."""

    code = "agent.build_source"

    def __init__(self, source: Path, trouble: str) -> None:
        super().__init__(f"{source}: {trouble}; name another file or a build with `feedsrv-agent set-build`")


@dataclass(frozen=True, slots=True)
class Inventory:
    """One server, as decisions see it."""

    product: str
    build: Build | None
    """None where it is not known: then nothing is applied, and nothing rolled back for its build."""
    device_id: str


def read_build(source: Path) -> Build:
    """Read a build from a text file, or from the version resource of a program such as `ExSetup.exe`.

    Raises:
        BuildSourceError: no such file, or no build in it.
    """
    try:
        with source.open("rb") as file:
            is_program = file.read(2) == b"MZ"
            file.seek(0)
            content = file.read((_MAX_EXECUTABLE if is_program else _MAX_TEXT) + 1)
    except OSError as error:
        raise BuildSourceError(source, f"cannot be read ({error.strerror})") from None
    return _from_program(source, content) if is_program else _from_text(source, content)


def _from_text(source: Path, content: bytes) -> Build:
    try:
        return Build.parse(content.decode("utf-8-sig").strip())
    except (UnicodeDecodeError, BadBuildError):
        raise BuildSourceError(source, "holds no build such as 15.2.1118.7") from None


def _from_program(source: Path, content: bytes) -> Build:
    if len(content) > _MAX_EXECUTABLE:
        raise BuildSourceError(source, "is too large to be the program that carries the build")
    # The structure follows its key, so that a stray copy of the signature in code is not taken for it.
    key = content.find(_KEY)
    start = content.find(_FIXED_FILE_INFO, key, key + len(_KEY) + 64) if key >= 0 else -1
    if start < 0 or len(content) < start + 16:
        raise BuildSourceError(source, "is a program without a version resource")
    high, low = struct.unpack_from("<II", content, start + 8)
    return Build(high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF)
