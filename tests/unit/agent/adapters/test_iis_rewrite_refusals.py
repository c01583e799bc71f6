"""What cannot be changed is refused with file and remedy, and nothing is written."""

from __future__ import annotations

import re

import pytest

from feedsrv.agent.adapters.config_file import ReadOnlyConfigError
from feedsrv.agent.adapters.config_text import DamagedConfigError
from feedsrv.agent.ports import AdapterError, NotThereError
from feedsrv.model.action import AppPool, Place, Scope
from tests.unit.agent.adapters.iis_tree import Tree, inbound, target


class TestRefusals:
    """What cannot be changed is refused with file and remedy, and nothing is written."""

    @pytest.mark.parametrize(
        ("place", "what"),
        [
            (Place(Scope.SITE, "Intranet"), "no site 'Intranet'"),
            (
                Place(Scope.APPLICATION, "Default Web Site", "/ecp"),
                "no application /ecp of site 'Default Web Site'",
            ),
        ],
    )
    def test_a_place_that_is_not_there(self, tree: Tree, place: Place, what: str) -> None:
        """It is named, with the places that are there."""
        before = tree.host.read_bytes()

        for verb in (tree.rewrite.look, tree.rewrite.capture, tree.rewrite.apply, tree.rewrite.foretell):
            with pytest.raises(NotThereError, match=f"{what}.*Default Web Site/owa"):
                verb(target(inbound(place)))

        assert tree.host.read_bytes() == before

    def test_undo_where_the_site_has_gone_is_harmless(self, tree: Tree) -> None:
        """A site that was removed took its rules along."""
        tree.rewrite.undo(target(inbound(Place(Scope.SITE, "Intranet"))), {"before": "absent", "shapes": []})

    def test_a_server_without_url_rewrite(self, tree: Tree) -> None:
        """An undeclared section would make IIS answer 500.19 to everything."""
        before = tree.write(declared="")

        with pytest.raises(AdapterError, match="URL Rewrite module is not installed"):
            tree.rewrite.apply(target(inbound()))

        assert tree.host.read_bytes() == before

    def test_a_section_that_is_kept_in_another_file(self, tree: Tree) -> None:
        """A section with `configSource` must have no content of its own."""
        section = '<system.webServer><rewrite><rules configSource="r.config" /></rewrite></system.webServer>'
        before = tree.write(f'<location path="Default Web Site">{section}</location>\n')

        with pytest.raises(AdapterError, match=r"kept in another file, r\.config"):
            tree.rewrite.apply(target(inbound()))

        assert tree.host.read_bytes() == before

    @pytest.mark.parametrize(
        ("damage", "line"),
        [
            (lambda raw: raw[: len(raw) // 2], None),
            (lambda raw: raw.replace(b"</sites>", b"</sites"), None),
            (lambda _: b"", 1),
            (
                lambda raw: raw.replace(
                    b"<configuration>", b"<!DOCTYPE configuration [<!ENTITY a 'b'>]><configuration>"
                ),
                3,
            ),
            (lambda raw: raw.replace(b"web team", b"web te\xff"), 1),
        ],
        ids=["cut off", "not well-formed", "empty", "with a DOCTYPE", "not UTF-8"],
    )
    def test_a_damaged_file(self, tree: Tree, damage: object, line: int | None) -> None:
        """File and line are named."""
        assert callable(damage)
        tree.host.write_bytes(damage(tree.host.read_bytes()))
        before = tree.host.read_bytes()

        with pytest.raises(DamagedConfigError, match=re.escape(str(tree.host))) as caught:
            tree.rewrite.apply(target(inbound()))

        assert line in {None, caught.value.line}
        assert tree.host.read_bytes() == before

    def test_a_server_that_reads_its_configuration_elsewhere(self, tree: Tree) -> None:
        """With shared configuration, changing this file would protect nobody."""
        redirection = tree.host.with_name("redirection.config")
        redirection.write_text(
            '<configuration>\n<configurationRedirection enabled="true" path="\\\\farm" />\n</configuration>'
        )

        with pytest.raises(AdapterError, match=r"line 2.*\\\\farm"):
            tree.rewrite.apply(target(inbound()))

    def test_a_read_only_file(self, tree: Tree) -> None:
        """That a file is read-only is somebody's will, even where root could write it."""
        tree.host.chmod(0o444)
        before = tree.host.read_bytes()

        with pytest.raises(ReadOnlyConfigError, match=re.escape(str(tree.host))):
            tree.rewrite.apply(target(inbound()))

        assert tree.host.read_bytes() == before

    def test_an_action_of_another_kind(self, tree: Tree) -> None:
        """Handing a pool to this adapter is our own mistake."""
        with pytest.raises(TypeError):
            tree.rewrite.look(target(AppPool("A1", "OWA")))
