"""The guide for authors is true: its example works, and it leaves out no element."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from lxml import etree

from feedsrv.lints.finding import Finding
from feedsrv.model.mitigation import Draft

XS = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture(scope="module")
def readme(folder: Path) -> str:
    """The guide, as text."""
    return (folder / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example(readme: str) -> bytes:
    """The worked example, as somebody would copy it."""
    block = re.search(r"```xml\n(<\?xml.*?)```", readme, re.DOTALL)
    assert block is not None
    return block.group(1).encode()


def test_the_worked_example_passes_review(
    example: bytes,
    read: Callable[[bytes, str], Draft],
    review: Callable[[Iterable[Draft]], tuple[Finding, ...]],
) -> None:
    """Whoever copies it begins with something that could be published."""
    draft = read(example, "README.md")

    findings = review([draft])

    assert [str(finding) for finding in findings] == []
    assert draft.samples.must_block
    assert draft.samples.must_pass


def test_every_element_of_the_grammar_is_explained(readme: str, repository: Path) -> None:
    """An element that the schemas know and the table does not would be found by trial."""
    schemas = repository / "feedsrv" / "codec" / "schemas"
    known = {
        element.get("name")
        for schema in ("authoring.xsd", "words.xsd")
        for element in etree.parse(schemas / schema).iter(f"{XS}element")
        if element.get("name")
    }
    explained = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", readme, re.MULTILINE))))

    assert known - explained == set()


def test_every_mitigation_is_in_its_list(readme: str, drafts: dict[str, Draft]) -> None:
    """The list at the end knows every file, its channel, and none that is gone."""
    listed = dict(re.findall(r"^\| \[(\w+)\]\(\1\.xml\) \|[^|]*\| (\w+) \|", readme, re.MULTILINE))

    assert listed == {name: draft.mitigation.channel for name, draft in drafts.items()}


def test_its_links_lead_somewhere(readme: str, folder: Path) -> None:
    """Files and headings that it points to exist."""
    links = re.findall(r"\]\(([^)]+)\)", readme)
    headings = {
        "#" + re.sub(r"[^\w\- ]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in readme.splitlines()
        if line.startswith("#")
    }

    lost = [
        link
        for link in links
        if not (link in headings if link.startswith("#") else (folder / link).resolve().exists())
    ]

    assert lost == []
