from __future__ import annotations

import io
import zipfile

from feedsrv.publishing.zipping import zipped

FILES = {"manifest.json": b"{}", "v1/feeds/a.xml": b"<a/>" * 1000, "empty": b""}


def test_others_read_what_is_written() -> None:
    """Python's reader finds every file, in order, with its bytes and permissions."""
    with zipfile.ZipFile(io.BytesIO(zipped(FILES))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert {one.external_attr >> 16 & 0o777 for one in archive.infolist()} == {0o644}


def test_the_same_files_give_the_same_bytes() -> None:
    """There is no moment in them."""
    assert zipped(FILES) == zipped(dict(FILES))
    assert zipped(FILES) != zipped(dict(reversed(FILES.items())))


def test_nothing_is_a_zip_file_too() -> None:
    """An empty one."""
    with zipfile.ZipFile(io.BytesIO(zipped({}))) as archive:
        assert archive.namelist() == []
