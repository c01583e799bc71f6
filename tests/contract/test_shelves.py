from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from feedsrv.publishing.ports import Shelf
from feedsrv.publishing.refusals import AlreadyShelvedError, BadPathError
from feedsrv.stores.memory import MemoryShelf
from feedsrv.stores.shelf_files import FileShelf

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
PATH = "v1/mitigations/M0001/1.xml"


@pytest.fixture(params=["memory", "files"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """One of each kind of shelf, empty."""
    return MemoryShelf() if request.param == "memory" else FileShelf(tmp_path / "shelf")


class TestAnyShelf:
    """What every shelf promises, asked of every shelf."""

    def test_what_was_put_is_there(self, shelf: Shelf) -> None:
        """The very bytes come back; elsewhere there is nothing."""
        shelf.put(PATH, b"<first/>\r\n\0", at=AT)

        assert shelf.get(PATH) == b"<first/>\r\n\0"
        assert shelf.get("v1/mitigations/M0001/2.xml") is None
        assert shelf.get("v1/mitigations/M0001") is None
        assert shelf.get(f"{PATH}/deeper") is None

    def test_what_was_put_never_changes(self, shelf: Shelf) -> None:
        """Putting other bytes there is refused, and the first ones stay."""
        shelf.put(PATH, b"<first/>", at=AT)

        with pytest.raises(AlreadyShelvedError, match=PATH):
            shelf.put(PATH, b"<second/>", at=AT)

        assert shelf.get(PATH) == b"<first/>"

    def test_the_same_bytes_may_be_put_again(self, shelf: Shelf) -> None:
        """A publication that is finished after a crash meets its own files."""
        shelf.put(PATH, b"<first/>", at=AT)

        shelf.put(PATH, b"<first/>", at=AT)

        assert shelf.get(PATH) == b"<first/>"

    def test_what_is_replaced_changes(self, shelf: Shelf) -> None:
        """Current feeds, lists and pages are exchanged together."""
        shelf.replace({"index.html": b"one", "v1/feeds/index.json": b"{}"}, at=AT)

        shelf.replace({"index.html": b"two"}, at=AT)

        assert shelf.get("index.html") == b"two"
        assert shelf.get("v1/feeds/index.json") == b"{}"

    def test_sweeping_touches_nothing_that_is_visible(self, shelf: Shelf) -> None:
        """Only what was never finished goes."""
        shelf.put(PATH, b"<first/>", at=AT)

        shelf.sweep()
        shelf.sweep()

        assert shelf.get(PATH) == b"<first/>"

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/etc/passwd",
            "../outside",
            "v1/../../outside",
            "v1//feeds",
            "v1/.hidden",
            ".staging/1",
            "v1/feeds/",
            "v1/a\0b",
            "v1/a\nb",
            "v1/a\\b",
            "v1/ä.xml",
            "a/b/c/d/e/f/g/h/i",
            "index.html.gz",
            "x" * 200,
        ],
    )
    def test_only_plain_paths_are_paths(self, shelf: Shelf, path: str) -> None:
        """Nothing leads out of the shelf, hides on it, or takes the place of a compressed copy."""
        with pytest.raises(BadPathError):
            shelf.put(path, b"", at=AT)
        with pytest.raises(BadPathError):
            shelf.replace({path: b""}, at=AT)
        with pytest.raises(BadPathError):
            shelf.get(path)

    def test_one_bad_path_keeps_all_from_being_replaced(self, shelf: Shelf) -> None:
        """Either every file is exchanged, or none."""
        with pytest.raises(BadPathError):
            shelf.replace({"index.html": b"one", "../outside": b""}, at=AT)

        assert shelf.get("index.html") is None
