from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from feedsrv.publishing.zipping import zipped

FILES = {"manifest.json": b"{}", "v1/feeds/a.xml": b"<a/>" * 1000, "empty": b""}


def test_others_read_what_is_written() -> None:
    """Python's reader finds every file, in order, with its bytes and permissions."""
    with zipfile.ZipFile(io.BytesIO(zipped(FILES))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert {one.external_attr >> 16 & 0o777 for one in archive.infolist()} == {0o644}


def test_unzip_reads_it_too(tmp_path: Path) -> None:
    """Info-ZIP's test finds no fault."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped(FILES))

    try:
        done = subprocess.run(["unzip", "-t", str(path)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("missing on this machine: unzip")

    assert done.returncode == 0, done.stdout
    assert "No errors detected" in done.stdout


def test_the_same_files_give_the_same_bytes() -> None:
    """There is no moment in them."""
    assert zipped(FILES) == zipped(dict(FILES))
    assert zipped(FILES) != zipped(dict(reversed(FILES.items())))


def test_more_than_the_plain_format_holds_is_refused() -> None:
    """Nothing is cut off in silence."""
    with pytest.raises(ValueError, match="65,535"):
        zipped({str(number): b"" for number in range(65_536)})


def test_nothing_is_a_zip_file_too() -> None:
    """An empty one."""
    with zipfile.ZipFile(io.BytesIO(zipped({}))) as archive:
        assert archive.namelist() == []
