"""Files that survive, and the lock that keeps two syncs apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from feedsrv.agent.durable import BusyError, append_line, exclusive, replace_file

HOLDER = """
import sys, time
from pathlib import Path
from feedsrv.agent.durable import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_replaced_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """Only the file itself is there afterwards."""
    path = tmp_path / "state.json"
    replace_file(path, b"old")

    replace_file(path, b"new")

    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("state.json", b"new")]


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    """A disk that refuses loses nothing."""
    path = tmp_path / "state.json"
    replace_file(path, b"old")
    (tmp_path / ".state.json.new").mkdir()

    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"new")

    assert path.read_bytes() == b"old"


def test_lines_are_appended(tmp_path: Path) -> None:
    """In order, each with its end."""
    append_line(tmp_path / "j", b"one")
    append_line(tmp_path / "j", b"two")

    assert (tmp_path / "j").read_bytes() == b"one\ntwo\n"


def test_two_processes_do_not_hold_the_lock(tmp_path: Path) -> None:
    """The second says who is in the way; when the first is gone, even killed, the lock is free."""
    lock = tmp_path / "agent.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        with pytest.raises(BusyError, match=r"agent\.lock"), exclusive(lock):
            pytest.fail("two at once")
        holder.kill()
        holder.wait()

    with exclusive(lock, patience=5.0):
        pass
