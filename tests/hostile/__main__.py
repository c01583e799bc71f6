"""Writes the corpus for other verifiers to be tried on: `python -m tests.hostile FOLDER`.

Each document is a file; `manifest.json` says of each what is wrong, which refusal is due, and with which
words `feedsrv-agent verify` is asked. The good documents are there, too: no refusal is due.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.hostile.commanding import Command
from tests.hostile.flaws import Hostile
from tests.hostile.good import GoodDocument, good
from tests.hostile.manifest import corpus


def write(folder: Path, documents: Iterable[Hostile | GoodDocument]) -> list[dict[str, object]]:
    """Write documents, what judges them, and their manifest, which is also returned."""
    command = Command(folder / "trust")
    command.folder.mkdir(parents=True, exist_ok=True)
    lines = [_line(folder, command, one) for one in documents]
    (folder / "manifest.json").write_text(json.dumps(lines, indent=1), encoding="utf-8")
    return lines


def _line(folder: Path, command: Command, one: Hostile | GoodDocument) -> dict[str, object]:
    path = folder / f"{one.name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(one, Hostile):
        context, class_, said, code = one.context, one.class_, one.flaw.wrong, one.code
        path.write_bytes(one.make())
    else:
        context, class_, said, code = one.row.context, "good", one.row.unusual, None
        path.write_bytes(one.row.make(one.original))
    words = command.words(one.original, context)
    words[1] = str(path)
    return {
        "name": one.name,
        "class": class_,
        "kind": one.kind,
        "wrong" if code else "unusual": said,
        "code": code,
        "at": context.at.isoformat(),
        "held": context.held,
        # A digest or a line of the feed that is held: the command looks at one document alone.
        "command": words if context.fits_command else None,
    }


def main() -> None:
    """Write everything."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("folder", type=Path)
    lines = write(parser.parse_args().folder, (*corpus(), *good()))
    sys.stdout.write(f"{len(lines)} documents\n")


if __name__ == "__main__":
    main()
