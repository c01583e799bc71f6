"""A configuration file is replaced whole, or not at all, and its first original is kept."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from feedsrv.agent.adapters.config_file import BusyConfigError, ConfigFile, ReadOnlyConfigError
from feedsrv.agent.ports import AdapterError, Presence
from tests.unit.agent.adapters.iis_tree import Tree, inbound, target


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    """A file to change."""
    path = tmp_path / "some.config"
    path.write_bytes(b"old")
    return ConfigFile(path)


def test_the_first_original_is_kept_for_good(file: ConfigFile) -> None:
    """A later change does not overwrite the backup of the first."""
    file.change(lambda _: b"new")
    file.change(lambda _: b"newer")

    assert file.path.read_bytes() == b"newer"
    assert file.read_backup() == b"old"


def test_without_a_change_nothing_is_written(file: ConfigFile) -> None:
    """No backup is made before the first change, and the file is not touched."""
    before = file.path.stat().st_mtime_ns

    changed = file.change(lambda raw: raw)

    assert not changed
    assert file.read_backup() is None
    assert file.path.stat().st_mtime_ns == before


def test_mode_and_owner_stay(file: ConfigFile) -> None:
    """The new file may be read by whom the old one could, and by nobody else; so may the backup."""
    file.path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file.path, 1234, 4321)
    before = file.path.stat()

    file.change(lambda _: b"new")

    for path in (file.path, file.backup):
        after = path.stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_what_another_program_wrote_meanwhile_is_not_overwritten(file: ConfigFile) -> None:
    """The edit is asked again, of what the other one wrote."""
    seen: list[bytes] = []

    def edit(raw: bytes) -> bytes:
        seen.append(raw)
        if len(seen) == 1:
            file.path.write_bytes(b"theirs")
        return raw + b" and ours"

    file.change(edit)

    assert seen == [b"old", b"theirs"]
    assert file.path.read_bytes() == b"theirs and ours"


def test_a_file_that_never_rests_is_refused(file: ConfigFile) -> None:
    """After some attempts we give up; the other one's bytes stay, and nothing of ours lies about."""

    def edit(raw: bytes) -> bytes:
        file.path.write_bytes(raw + b"!")
        return b"ours"

    with pytest.raises(BusyConfigError, match="changed by another program"):
        file.change(edit)

    assert file.path.read_bytes() == b"old!!!"
    assert not list(file.path.parent.glob("*.feedsrv-new"))


def test_two_writers_wait_for_each_other(file: ConfigFile) -> None:
    """Of many increments at once, none is lost."""
    file.path.write_bytes(b"0")

    def increment() -> None:
        for _ in range(10):
            file.change(lambda raw: str(int(raw) + 1).encode())

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert file.path.read_bytes() == b"40"


@pytest.mark.parametrize("what", ["file", "folder"])
def test_read_only_is_refused_by_name(file: ConfigFile, what: str) -> None:
    """A read-only file or folder is named; nothing is written."""
    path = file.path if what == "file" else file.path.parent
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)

    try:
        with pytest.raises(ReadOnlyConfigError, match=re.escape(str(path))):
            file.change(lambda _: b"new")
    finally:
        path.chmod(mode)

    assert file.path.read_bytes() == b"old"
    assert file.read_backup() is None


def test_a_full_disk_leaves_the_old_file(file: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk refuses is an operator's business, and the old file is complete."""

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)

    with pytest.raises(ReadOnlyConfigError, match="No space left on device"):
        file.change(lambda _: b"new")

    assert file.path.read_bytes() == b"old"


@pytest.mark.parametrize("missing", ["file", "folder"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, missing: str) -> None:
    """It is named; no file is made up."""
    path = tmp_path / ("x" if missing == "file" else "no/x")

    with pytest.raises(AdapterError, match=re.escape(str(path))):
        ConfigFile(path).change(lambda _: b"new")

    assert not path.exists()


def test_what_is_far_too_large_is_refused(file: ConfigFile) -> None:
    """No configuration has 32 MiB."""
    with file.path.open("ab") as handle:
        handle.truncate(33 * 1024 * 1024)

    with pytest.raises(AdapterError, match="larger than"):
        file.read()


# The child kills itself at the n-th step of a change: each write to the disk, and each rename.
_CHILD = """
import os, signal, sys
from pathlib import Path
from tests.unit.agent.adapters.iis_tree import IisServer, IisRewrite, inbound, target

config_root, fatal, after = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "after"
steps = 0

def deadly(name, module):
    real = getattr(module, name)
    def step(*arguments, **more):
        global steps
        steps += 1
        if steps == fatal and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **more)
        if steps == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(module, name, step)

deadly("fsync", os)
deadly("replace", Path)
rewrite = IisRewrite(IisServer(config_root))
rewrite.apply(target(inbound()))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_kill_at_any_step_leaves_a_complete_file(tree: Tree, step: int, when: str) -> None:
    """Steps: backup to disk, backup in place, new file to disk, new file in place, folder to disk."""
    old = tree.host.read_bytes()
    one = target(inbound())
    note = tree.rewrite.capture(one)
    command = [sys.executable, "-c", _CHILD, str(tree.host.parent), str(step), when]

    died = subprocess.run(
        command, check=False, cwd=Path(__file__).parents[4], env=dict(os.environ, PYTHONPATH=".")
    )

    assert died.returncode == -signal.SIGKILL
    is_new = step == 5 or (step == 4 and when == "after")
    assert tree.rewrite.look(one).presence is (Presence.PRESENT if is_new else Presence.ABSENT)
    assert is_new or tree.host.read_bytes() == old
    tree.rewrite.apply(one)
    assert tree.rewrite.look(one).presence is Presence.PRESENT
    assert tree.server.application_host.read_backup() == old
    tree.rewrite.undo(one, note)
    assert tree.host.read_bytes() == old
    assert not list(tree.host.parent.glob("*-new"))
