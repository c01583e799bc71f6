from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.pki import key, pem_of

_ROOT: Final = Path(__file__).parents[3]
_KEY: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=:,\s-]{40}")
_STORES: Final = {".p12", ".pfx", ".jks", ".keystore", ".key"}


def test_no_private_key_was_ever_committed_here() -> None:
    """What git keeps, every clone keeps; nothing that it tracks holds a key."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("missing on this machine: a git clone of the tree")

    files = [_ROOT / name for name in listed.stdout.decode().split("\0") if name]
    there = [path for path in files if path.is_file()]

    assert [path for path in there if _KEY.search(path.read_bytes())] == []
    assert [path for path in there if path.suffix in _STORES] == []


def test_the_search_above_finds_a_key() -> None:
    """Else it could not fail."""
    assert _KEY.search(pem_of(key("stranger")))
