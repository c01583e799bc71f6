"""A zip file of plain members: stored, without times; the same input gives the same bytes anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

_UNIX: Final = 3
_PERMISSIONS: Final = 0o100644 << 16


def zipped(files: Mapping[str, bytes]) -> bytes:
    """These files by name, in the order given."""
    written = BytesIO()
    with ZipFile(written, "w", ZIP_STORED) as archive:
        for name, data in files.items():
            # Without a date of its own, it says the earliest that a zip file can tell.
            member = ZipInfo(name)
            member.create_system = _UNIX  # else it tells on which system it was made
            member.external_attr = _PERMISSIONS
            archive.writestr(member, data)
    return written.getvalue()
