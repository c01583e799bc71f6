"""Verifiers that we did not write: xmlsec1 of the system, and the JDK's own XML signatures.

Each answers with a `Verdict`. A program that is not on this machine skips the test, and says so.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from feedsrv.clock import now, to_text
from feedsrv.trust.profile import EKU, Kind

JAVA: Final = Path(__file__).parent / "java" / "VerifyDocument.java"


@dataclass(frozen=True)
class Verdict:
    """What a foreign verifier made of a document."""

    accepted: bool
    said: str


def require(program: str) -> str:
    """Where that program is; skips the test where it is missing."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"missing on this machine: {program}")
    return found


def verify_with_xmlsec1(
    document: bytes, anchors: Path, workdir: Path, *, at: datetime | None = None
) -> Verdict:
    """Signature and chain by xmlsec1. It knows nothing of extended key usage.

    It is told what it would otherwise believe anything about: certificates only, the whole document only.
    """
    program = require("xmlsec1")
    file = workdir / "document.xml"
    file.write_bytes(document)
    done = subprocess.run(
        [
            program,
            "--verify",
            "--enabled-key-data",
            "x509",
            "--enabled-reference-uris",
            "empty",
            "--verification-time",
            f"{at or now():%Y-%m-%d %H:%M:%S}",
            "--trusted-pem",
            str(anchors),
            str(file),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"TZ": "UTC"},
    )
    return Verdict(done.returncode == 0, done.stdout + done.stderr)


def verify_with_jdk(
    documents: Sequence[bytes], anchors: Path, workdir: Path, *, kind: Kind, at: datetime | None = None
) -> list[Verdict]:
    """Signature, chain and extended key usage by the JDK, for many documents in one run of it."""
    files = []
    for number, document in enumerate(documents):
        files.append(workdir / f"document-{number}.xml")
        files[-1].write_bytes(document)
    done = subprocess.run(
        [
            require("java"),
            "-cp",
            str(_classes()),
            JAVA.stem,
            str(anchors),
            EKU[kind].dotted_string,
            to_text(at or now()),
            *map(str, files),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(documents), done.stdout + done.stderr
    return [Verdict(line.startswith("accepted "), line) for line in lines]


@cache
def _compiled() -> tempfile.TemporaryDirectory[str]:
    # Kept by the cache until Python ends, and removed then.
    folder = tempfile.TemporaryDirectory(prefix="verify-document-", ignore_cleanup_errors=True)
    subprocess.run([require("javac"), "-d", folder.name, str(JAVA)], check=True, timeout=120)
    return folder


def _classes() -> Path:
    return Path(_compiled().name)


def validate_with_jdk(schema: Path, documents: Sequence[Path]) -> list[Verdict]:
    """Each document held against a grammar by the JDK, which knows neither libxml2 nor us."""
    done = subprocess.run(
        [require("java"), str(JAVA.with_name("ValidateDocument.java")), str(schema), *map(str, documents)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(documents), done.stdout + done.stderr
    return [Verdict(line == "ok", line) for line in lines]
