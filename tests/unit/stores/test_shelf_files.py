from __future__ import annotations

import errno
import gzip
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feedsrv.publishing.refusals import (
    AlreadyShelvedError,
    ShelfFullError,
    ShelfUnreadableError,
    ShelfUnwritableError,
)
from feedsrv.stores.shelf_files import FileShelf, squeeze

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
PATH = "v1/mitigations/M0001/1.xml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the shelf lies."""
    return tmp_path / "shelf"


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("missing on this machine: the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def visible(root: Path) -> set[str]:
    """Every file that a web server would serve."""
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and ".staging" not in path.parts
    }


def test_files_lie_under_their_url_paths_with_compressed_siblings(root: Path) -> None:
    """Nginx with gzip_static serves the folder as it is."""
    shelf = FileShelf(root)

    shelf.put(PATH, b"<a/>" * 100, at=AT)
    shelf.replace({"v1/trust/crls/root.crl": b"\x30\x82", "index.html": b"<p>"}, at=AT)

    assert visible(root) == {
        PATH,
        f"{PATH}.gz",
        "v1/trust/crls/root.crl",
        "index.html",
        "index.html.gz",
    }
    assert gzip.decompress((root / f"{PATH}.gz").read_bytes()) == b"<a/>" * 100


def test_compressed_siblings_are_the_same_bytes_on_every_host() -> None:
    """No moment and no file name is in them, so their ETags agree."""
    assert squeeze(b"<a/>") == squeeze(b"<a/>")
    assert squeeze(b"<a/>")[4:8] == b"\0\0\0\0"


def test_files_carry_the_moment_of_publication(root: Path) -> None:
    """`Last-Modified` is the same on every host."""
    shelf = FileShelf(root)

    shelf.put(PATH, b"<a/>", at=AT)
    shelf.replace({"index.html": b"<p>"}, at=AT)

    for path in visible(root):
        assert (root / path).stat().st_mtime == AT.timestamp()


def test_everybody_may_read_what_is_published(root: Path) -> None:
    """The public process is another user."""
    before = os.umask(0o077)
    try:
        FileShelf(root).put(PATH, b"<a/>", at=AT)
    finally:
        os.umask(before)

    assert (root / PATH).stat().st_mode & 0o777 == 0o644
    assert (root / PATH).parent.stat().st_mode & 0o777 == 0o755


def test_a_replaced_file_is_another_file(root: Path) -> None:
    """Whoever reads the old one keeps it whole, and a server sees that it is new."""
    shelf = FileShelf(root)
    shelf.replace({"index.html": b"one"}, at=AT)
    with (root / "index.html").open("rb") as reading:
        shelf.replace({"index.html": b"two"}, at=AT)

        assert reading.read() == b"one"
        assert (root / "index.html").stat().st_ino != os.fstat(reading.fileno()).st_ino


def test_sweeping_removes_what_was_never_finished(root: Path) -> None:
    """A publisher that was killed leaves staged files, which nobody sees."""
    shelf = FileShelf(root)
    shelf.put(PATH, b"<a/>", at=AT)
    (root / ".staging" / "4711-1").write_bytes(b"half a feed")

    shelf.sweep()

    assert not (root / ".staging").exists()
    assert shelf.get(PATH) == b"<a/>"


def test_a_file_that_somebody_else_put_there_is_not_overwritten(root: Path) -> None:
    """Even one without a compressed sibling."""
    (root / "v1/mitigations/M0001").mkdir(parents=True)
    (root / PATH).write_bytes(b"<foreign/>")

    with pytest.raises(AlreadyShelvedError):
        FileShelf(root).put(PATH, b"<a/>", at=AT)

    assert visible(root) == {PATH}


def test_a_full_disk_leaves_nothing_half_written(full_disk: Path) -> None:
    """Neither a new file nor a replaced one is visible in part, and there is room again afterwards."""
    shelf = FileShelf(full_disk)
    shelf.replace({"index.html": b"one"}, at=AT)
    too_much = os.urandom(100_000)

    with pytest.raises(ShelfFullError, match="free some space"):
        shelf.put(PATH, too_much, at=AT)
    with pytest.raises(ShelfFullError):
        shelf.replace({"index.html": b"two", "v1/bundles/a.zip": too_much}, at=AT)

    assert shelf.get("index.html") == b"one"
    assert visible(full_disk) == {"index.html", "index.html.gz"}
    shelf.put(PATH, b"<a/>", at=AT)


def test_a_folder_that_cannot_be_written_is_named(root: Path) -> None:
    """The operator learns which one, and what to do."""
    root.parent.mkdir(exist_ok=True)
    root.write_text("this is a file")

    with pytest.raises(ShelfUnwritableError, match=r"shelf .*see that this user may write"):
        FileShelf(root).put(PATH, b"<a/>", at=AT)


def test_a_shelf_that_cannot_be_read_is_an_operators_matter(root: Path) -> None:
    """Not the same as a file that is not there: what follows from that would be wrong."""
    (root / "v1").mkdir(parents=True)
    (root / "v1/feeds").symlink_to(root / "v1/feeds")

    with pytest.raises(ShelfUnreadableError, match=r"v1/feeds/a\.xml cannot be read .*see that this user"):
        FileShelf(root).get("v1/feeds/a.xml")


def test_disk_quotas_count_as_a_full_disk() -> None:
    """They need the same act of the operator."""
    error = OSError(errno.EDQUOT, "Disk quota exceeded")

    with pytest.raises(ShelfFullError), FileShelf(Path("nowhere"))._telling("index.html"):
        raise error
