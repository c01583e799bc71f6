"""Reading what a server runs, from a text file or from a program's version resource."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from feedsrv.agent.inventory import BuildSourceError, read_build
from feedsrv.model.build import Build


def program(build: Build, *, before: bytes = b"") -> bytes:
    """A program as a linker lays it out where it matters: header, code, then the version resource."""
    fixed = struct.pack(
        "<6I",
        0xFEEF04BD,
        0x00010000,
        build.major << 16 | build.minor,
        build.cumulative << 16 | build.security,
        0x63,
        0,
    )
    key = "VS_VERSION_INFO\0".encode("utf-16-le")
    resource = struct.pack("<HHH", 0x34 + 40, 52, 0) + key + b"\0\0" + fixed
    return b"MZ" + b"\x90" * 62 + before + b"\xcc" * 4096 + resource + b"\0" * 512


@pytest.mark.parametrize("text", ["15.2.1118.7", "15.2.1118.7\r\n", "\ufeff15.2.1118.7", "  15.2.1118.7 "])
def test_a_text_file_says_the_build(tmp_path: Path, text: str) -> None:
    """As any editor leaves it."""
    source = tmp_path / "build.txt"
    source.write_text(text, encoding="utf-8")

    assert read_build(source) == Build.parse("15.2.1118.7")


@pytest.mark.parametrize("build", ["15.2.1118.7", "7.0.2046.521", "15.1.2507.65535"])
def test_a_program_says_the_build(tmp_path: Path, build: str) -> None:
    """As its version resource has it."""
    source = tmp_path / "ExSetup.exe"
    source.write_bytes(program(Build.parse(build)))

    assert str(read_build(source)) == build


def test_a_stray_signature_in_code_is_not_taken_for_the_resource(tmp_path: Path) -> None:
    """A program that handles version resources holds the signature as a constant."""
    source = tmp_path / "ExSetup.exe"
    stray = struct.pack("<4I", 0xFEEF04BD, 0x00010000, 1 << 16, 1)
    source.write_bytes(program(Build.parse("15.2.1118.7"), before=stray))

    assert str(read_build(source)) == "15.2.1118.7"


@pytest.mark.parametrize(
    "content", [b"", b"15.2", b"\xff\xfe1", b"MZ", b"MZ" + b"\0" * 5000, b"15.2.1118.7" * 1000]
)
def test_a_file_without_a_build_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    """The message names the file and what to do."""
    source = tmp_path / "nothing.bin"
    source.write_bytes(content)

    with pytest.raises(BuildSourceError, match=r"nothing\.bin.*set-build"):
        read_build(source)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    """An update may have moved it."""
    with pytest.raises(BuildSourceError, match=r"gone\.txt"):
        read_build(tmp_path / "gone.txt")
