"""Everything that a first start publishes, judged by programs that we did not write."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedsrv.cli.run import publish_content
from feedsrv.settings import Settings
from feedsrv.trust.profile import Kind
from feedsrv.wiring.desk import prepare
from tests.e2e.foreign import validate_with_jdk, verify_with_jdk, verify_with_xmlsec1

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def settings(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A service that has just published the mitigations of this repository."""
    chosen = Settings(data=tmp_path_factory.mktemp("data"))
    prepare(chosen)
    publish_content(chosen, repository / "mitigations")
    return chosen


@pytest.fixture(scope="module")
def anchors(settings: Settings) -> Path:
    """The anchor that agents pin."""
    return settings.development_folder / "anchors.pem"


@pytest.fixture(scope="module")
def published(settings: Settings) -> dict[Kind, list[Path]]:
    """Every signed document on the shelf, by kind."""
    shelf = settings.shelf_folder / "v1"
    feeds = [path for path in sorted(shelf.glob("feeds/**/*.xml")) if path.name != "index.xml"]
    found = {Kind.FEED: feeds, Kind.MITIGATION: sorted(shelf.glob("mitigations/*/*.xml"))}
    assert len(found[Kind.FEED]) == 20, "five products, two channels, the current one and its version"
    assert len(found[Kind.MITIGATION]) == 8
    return found


def tampered(document: bytes) -> bytes:
    """The same with another day of issue."""
    changed = document.replace(b' issued="2', b' issued="1', 1)
    assert changed != document
    return changed


@pytest.mark.parametrize("kind", Kind)
def test_xmlsec1_verifies_each_and_refuses_its_tampered_copy(
    published: dict[Kind, list[Path]], anchors: Path, tmp_path: Path, kind: Kind
) -> None:
    """Signature and chain, with nothing but the anchor given."""
    for path in published[kind]:
        document = path.read_bytes()

        good = verify_with_xmlsec1(document, anchors, tmp_path)
        bad = verify_with_xmlsec1(tampered(document), anchors, tmp_path)

        assert good.accepted, f"{path}: {good.said}"
        assert not bad.accepted, path


@pytest.mark.parametrize("kind", Kind)
def test_the_jdk_verifies_each_and_refuses_its_tampered_copy(
    published: dict[Kind, list[Path]], anchors: Path, tmp_path: Path, kind: Kind
) -> None:
    """Signature, chain and extended key usage."""
    documents = [path.read_bytes() for path in published[kind]]

    good = verify_with_jdk(documents, anchors, tmp_path, kind=kind)
    bad = verify_with_jdk([tampered(document) for document in documents], anchors, tmp_path, kind=kind)

    assert [verdict.said for verdict in good if not verdict.accepted] == []
    assert [verdict.said for verdict in bad if verdict.accepted] == []


@pytest.mark.parametrize("kind", Kind)
def test_each_follows_the_grammar_that_is_served_beside_it(
    settings: Settings, published: dict[Kind, list[Path]], kind: Kind
) -> None:
    """The JDK's validator reads our schemas as we do."""
    schema = settings.shelf_folder / "v1/schemas" / f"{kind.value}.xsd"

    found = validate_with_jdk(schema, published[kind])

    assert [verdict.said for verdict in found if not verdict.accepted] == []
