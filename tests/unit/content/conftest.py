"""The files of `mitigations/`, read as an import reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from feedsrv.codec.authoring import read_draft
from feedsrv.codec.catalogue import read_catalogue
from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.run import lint
from feedsrv.model.catalogue import Catalogue
from feedsrv.model.mitigation import Draft

AT: Final = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
"""The moment at which everything here is imported: three in the morning."""

Review = Callable[[Iterable[Draft]], tuple[Finding, ...]]


@pytest.fixture(scope="session")
def folder(repository: Path) -> Path:
    """Where the content lies."""
    return repository / "mitigations"


@pytest.fixture(scope="session")
def catalogue(folder: Path) -> Catalogue:
    """The catalogue that ships."""
    path = folder / "products.xml"
    return read_catalogue(path.read_bytes(), source=str(path))


@pytest.fixture(scope="session")
def read() -> Callable[[bytes, str], Draft]:
    """Read an authored document as a first import does."""

    def first_import(data: bytes, source: str) -> Draft:
        return read_draft(data, revision=1, issued=AT, source=source)

    return first_import


@pytest.fixture(scope="session")
def drafts(folder: Path, read: Callable[[bytes, str], Draft]) -> dict[str, Draft]:
    """Every mitigation that ships, by the name of its file."""
    return {
        path.stem: read(path.read_bytes(), str(path))
        for path in sorted(folder.glob("*.xml"))
        if path.name != "products.xml"
    }


@pytest.fixture(scope="session")
def review(catalogue: Catalogue) -> Review:
    """What the rules object to, if these drafts were published first and now."""

    def findings(candidates: Iterable[Draft]) -> tuple[Finding, ...]:
        return lint(Publication(catalogue=catalogue, candidates=tuple(candidates), standing=(), at=AT))

    return findings
