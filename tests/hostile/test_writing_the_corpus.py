"""The corpus as files, for verifiers of others."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hostile.__main__ import write
from tests.hostile.commanding import Command
from tests.hostile.flaws import Hostile
from tests.hostile.good import GoodDocument, good
from tests.hostile.manifest import corpus


def test_each_line_of_the_manifest_says_how_the_command_is_asked_and_what_it_answers(tmp_path: Path) -> None:
    """Whoever has another verifier reads what is due, and sees what ours is told."""
    hostile = [one for one in corpus() if one.class_ in {"freshness", "misdirected"}]
    chosen: list[Hostile | GoodDocument] = [*hostile, *good()[:4]]

    write(tmp_path, chosen)

    lines = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert [line["name"] for line in lines] == [one.name for one in chosen]
    for line in lines:
        assert (tmp_path / f"{line['name']}.xml").is_file()
        assert line["wrong" if line["code"] else "unusual"]
        if line["command"]:
            assert Command(tmp_path).asked(line["command"], b"").code == line["code"]
