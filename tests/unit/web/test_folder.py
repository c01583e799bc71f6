from __future__ import annotations

import os
from pathlib import Path

import pytest

from feedsrv.web.folder import LOOK_AGAIN, FolderShelf, UnreadableShelfError
from tests.unit.web.published import CURRENT, put

NEXT = b"<Feed version='8'/>"


class Elapsed:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """How many have passed."""
        return self.seconds


@pytest.fixture
def elapsed() -> Elapsed:
    """Time, standing still."""
    return Elapsed()


@pytest.fixture
def shelf(tmp_path: Path, elapsed: Elapsed) -> FolderShelf:
    """A shelf with one feed."""
    put(tmp_path, CURRENT, b"<Feed version='7'/>")
    return FolderShelf(tmp_path, elapsed=elapsed)


def body(shelf: FolderShelf, path: str = CURRENT) -> bytes | None:
    """The bytes under a path."""
    found = shelf.find(path)
    return None if found is None else b"".join(found.plain.body)


class TestAFolderAsShelf:
    """What is read, when it is read again, and what never is."""

    def test_an_unchanged_file_is_the_same_object(self, shelf: FolderShelf, elapsed: Elapsed) -> None:
        """Looking again finds nothing new, so nothing is read, digested or built again."""
        first = shelf.find(CURRENT)
        elapsed.seconds += 3600

        again = shelf.find(CURRENT)

        assert first is not None
        assert again is first

    def test_a_replaced_file_is_seen_within_a_second(
        self, shelf: FolderShelf, tmp_path: Path, elapsed: Elapsed
    ) -> None:
        """Even with the same size and the same date, since another file is another file."""
        assert body(shelf) == b"<Feed version='7'/>"
        put(tmp_path, CURRENT, NEXT)

        elapsed.seconds += LOOK_AGAIN

        assert LOOK_AGAIN < 1
        assert body(shelf) == NEXT

    def test_the_disk_is_not_asked_at_every_request(self, shelf: FolderShelf, tmp_path: Path) -> None:
        """Before it is time to look again, what was read is what is served."""
        shelf.find(CURRENT)
        (tmp_path / CURRENT).unlink()

        assert body(shelf) == b"<Feed version='7'/>"

    def test_a_removed_file_is_gone_and_forgotten(
        self, shelf: FolderShelf, tmp_path: Path, elapsed: Elapsed
    ) -> None:
        """Memory does not outlive the file."""
        shelf.find(CURRENT)
        (tmp_path / CURRENT).unlink()
        elapsed.seconds += LOOK_AGAIN

        assert shelf.find(CURRENT) is None
        assert shelf.held_bytes == 0

    def test_a_variant_of_other_bytes_is_left_out(
        self, shelf: FolderShelf, tmp_path: Path, elapsed: Elapsed
    ) -> None:
        """Between two renames the variant is a version ahead; then everybody gets the plain file."""
        gz = tmp_path / f"{CURRENT}.gz"
        older = gz.read_bytes()
        put(tmp_path, CURRENT, NEXT)
        newer = gz.read_bytes()
        gz.write_bytes(older)

        torn = shelf.find(CURRENT)
        gz.write_bytes(newer)
        elapsed.seconds += LOOK_AGAIN
        whole = shelf.find(CURRENT)

        assert torn is not None
        assert torn.compressed is None
        assert whole is not None
        assert whole.compressed is not None

    @pytest.mark.parametrize("rubbish", [b"", b"no gzip", b"\x1f\x8b\x08\x00"])
    def test_a_damaged_variant_is_left_out(self, shelf: FolderShelf, tmp_path: Path, rubbish: bytes) -> None:
        """The file itself is still served."""
        (tmp_path / f"{CURRENT}.gz").write_bytes(rubbish)

        found = shelf.find(CURRENT)

        assert found is not None
        assert found.compressed is None

    @pytest.mark.parametrize(
        "path",
        [
            "../secret.xml",
            "v1/../../secret.xml",
            "v1//feeds/exchange-2019/production.xml",
            "/etc/passwd.txt",
            "v1/feeds/exchange-2019/.production.xml.new",
            ".hidden/a.xml",
            ".hidden.xml",
            f"{CURRENT}.gz",
            "v1/feeds/exchange-2019",
            "v1/feeds/exchange-2019/",
            "v1/feeds/exchange-2019/production.key",
            "v1/feeds/exchange-2019/production",
            "v1/feeds/exchange-2019/production.xml/",
            "v1/feeds/exchange-2019/production.xml/more.xml",
            "folder.xml",
            "pipe.xml",
            "v1\\feeds\\exchange-2019\\production.xml",
            "v1/feeds/exchange-2019/production.xml\n",
            "v1/feeds/exchange-2019/production.xml\x00",
            "v1/feeds/exchange-2019/\xe9.xml",
            "",
        ],
    )
    def test_only_plain_names_of_regular_files_are_found(
        self, shelf: FolderShelf, tmp_path: Path, path: str
    ) -> None:
        """No way leads out of the folder, to what is hidden, unfinished, or no file."""
        (tmp_path.parent / "secret.xml").write_bytes(b"secret")
        (tmp_path / ".hidden").mkdir()
        for hidden in (".hidden/a.xml", ".hidden.xml", "v1/feeds/exchange-2019/.production.xml.new"):
            (tmp_path / hidden).write_bytes(b"hidden")
        (tmp_path / "v1/feeds/exchange-2019/production.key").write_bytes(b"key")
        (tmp_path / "folder.xml").mkdir()
        os.mkfifo(tmp_path / "pipe.xml")

        assert shelf.find(path) is None

    def test_no_symbolic_link_is_followed_below_the_root(self, shelf: FolderShelf, tmp_path: Path) -> None:
        """Neither a linked file, nor a linked variant, nor a linked folder on the way."""
        outside = tmp_path.parent / "outside"
        outside.mkdir()
        (outside / "a.xml").write_bytes(b"outside")
        (tmp_path / "a.xml").symlink_to(outside / "a.xml")
        (tmp_path / "linked").symlink_to(outside)

        assert shelf.find("a.xml") is None
        assert shelf.find("linked/a.xml") is None

    def test_the_root_itself_may_be_a_link(self, tmp_path: Path) -> None:
        """An operator may keep the shelf where there is room."""
        put(tmp_path, CURRENT, NEXT)
        link = tmp_path.parent / "link-to-shelf"
        link.symlink_to(tmp_path)

        assert FolderShelf(link).find(CURRENT) is not None

    def test_a_shelf_may_come_into_being_later(self, tmp_path: Path) -> None:
        """A server can be started before anything was published."""
        shelf = FolderShelf(tmp_path / "later")
        assert shelf.find(CURRENT) is None

        put(tmp_path / "later", CURRENT, NEXT)

        assert body(shelf) == NEXT

    def test_memory_is_bounded(self, tmp_path: Path) -> None:
        """What was looked at longest ago makes room; it is read again when asked for."""
        for number in range(20):
            put(tmp_path, f"{number}.xml", bytes([number]) * 20_000)
        shelf = FolderShelf(tmp_path, max_bytes=100_000)

        bodies = [body(shelf, f"{number}.xml") for number in range(20)]

        assert bodies == [bytes([number]) * 20_000 for number in range(20)]
        assert 0 < shelf.held_bytes <= 100_000
        assert body(shelf, "0.xml") == bytes(20_000)

    def test_a_large_file_is_sent_from_disk(self, tmp_path: Path) -> None:
        """It is not held in memory, and an answer begun before it was replaced ends as it began."""
        large = os.urandom(700_000)
        put(tmp_path, "large.zip", large)
        shelf = FolderShelf(tmp_path, max_bytes=100_000)
        found = shelf.find("large.zip")
        assert found is not None
        sending = iter(found.plain.body)
        begun = next(sending)

        put(tmp_path, "large.zip", os.urandom(700_000))

        assert begun + b"".join(sending) == large
        assert b"".join(found.plain.body) == large
        assert shelf.held_bytes < 10_000

    def test_no_file_stays_open(self, tmp_path: Path, elapsed: Elapsed) -> None:
        """Thousands of looks at small, large, missing and forbidden files leave nothing behind."""
        put(tmp_path, "small.xml", b"small")
        put(tmp_path, "large.zip", bytes(200_000))
        shelf = FolderShelf(tmp_path, max_bytes=100_000, elapsed=elapsed)
        before = open_files()

        for turn in range(50):
            put(tmp_path, "large.zip", bytes([turn]) * 200_000)
            for path in ("small.xml", "large.zip", "none.xml", "small.xml/none.xml"):
                shelf.find(path)
            elapsed.seconds += 1
        (tmp_path / "large.zip").unlink()
        assert shelf.find("large.zip") is None

        assert open_files() == before

    def test_a_shelf_that_cannot_be_read_says_so(self, tmp_path: Path) -> None:
        """That is not the same as "nothing is published": it may be well again in a minute."""
        too_long = tmp_path / ("x" * 300)

        with pytest.raises(UnreadableShelfError, match="cannot be read"):
            FolderShelf(too_long).find(CURRENT)


def open_files() -> int:
    """How many files this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))
