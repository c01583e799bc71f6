"""A zip file of plain members: stored, not compressed, without times; the same input, the same bytes.

Python's own writer costs a bundle of a thousand mitigations more than all signing and checking
together, and writes what differs between systems. This is the part of the format that a bundle needs
(APPNOTE.TXT sections 4.3.7, 4.3.12 and 4.3.16); `zipfile` and `unzip` read it in the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final
from zlib import crc32

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_NEEDS: Final = 20
"""Version 2.0 of the format."""
_MADE_BY: Final = 3 << 8 | _NEEDS
"""Unix, wherever it is made, so that the permissions below are understood."""
_PERMISSIONS: Final = 0o100644 << 16
# A zip file cannot tell an earlier moment: 1980-01-01, midnight.
_DATE: Final = 1 << 5 | 1
_MOST_MEMBERS: Final = 0xFFFF
_MOST_BYTES: Final = 0xFFFF_FFFF


def zipped(files: Mapping[str, bytes]) -> bytes:
    """These files by name, in the order given.

    Raises:
        ValueError: more than 65,535 files, or 4 GiB.
    """
    parts: list[bytes] = []
    directory: list[bytes] = []
    at = 0
    for name, data in files.items():
        path = name.encode("ascii")
        facts = (crc32(data), len(data), len(data))
        local = _LOCAL.pack(b"PK\3\4", _NEEDS, 0, 0, 0, _DATE, *facts, len(path), 0)
        directory += (
            _CENTRAL.pack(
                b"PK\1\2", _MADE_BY, _NEEDS, 0, 0, 0, _DATE, *facts, len(path), 0, 0, 0, 0, _PERMISSIONS, at
            ),
            path,
        )
        parts += (local, path, data)
        at += len(local) + len(path) + len(data)
    listed = b"".join(directory)
    if len(files) > _MOST_MEMBERS or at + len(listed) > _MOST_BYTES:
        raise ValueError("a plain zip file holds no more than 65,535 files and 4 GiB")
    end = _END.pack(b"PK\5\6", 0, 0, len(files), len(files), len(listed), at, 0)
    return b"".join((*parts, listed, end))
