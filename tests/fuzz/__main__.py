"""Fuzzing, guided by coverage: `python -m tests.fuzz feed --runs 1000000`.

What is found along the way stays in the folder that is named; what breaks an oracle is written there as
`crash-...` and ends the run with an exit code other than 0. `python -m tests.fuzz.keeping` makes the kept
corpus anew from such a folder.
"""

from __future__ import annotations

import argparse
import sys
from base64 import b64decode, b64encode
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, Final

CORPUS: Final = Path(__file__).parent / "corpus"
MOST_BYTES: Final = 16 * 1024
_NAMES: Final = ("feed", "mitigation", "reader", "certificate")


def main() -> None:
    """Fuzz one target; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=_NAMES)
    parser.add_argument("--runs", type=int, default=100_000, help="How many inputs to try.")
    parser.add_argument("--seed", type=int, default=1, help="Of chance; 0 takes another each time.")
    parser.add_argument("--folder", type=Path, help="Where new inputs and findings go. [default: a new one]")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="Folder of the inputs to begin with.")
    asked = parser.parse_args()
    folder = asked.folder or Path(mkdtemp(prefix="feedsrv-fuzz-"))
    (folder / "found").mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"new inputs and findings go to {folder}\n")
    fuzz(
        asked.target,
        [
            f"-runs={asked.runs}",
            f"-seed={asked.seed}",
            f"-max_len={MOST_BYTES}",
            f"-artifact_prefix={folder}/",
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            str(folder / "found"),
            str(asked.corpus / asked.target),
        ],
    )


def fuzz(name: str, options: list[str]) -> None:
    """Hand over to libFuzzer, with the code under test watched branch by branch."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["feedsrv"]):
        target = import_module("tests.fuzz.targets").TARGETS[name]
    edited = import_module("tests.fuzz.editing").edited

    def change_document(data: bytes, most: int, seed: int) -> bytes:
        chance = Random(seed)  # noqa: S311 - chance, not secrecy
        blind: bytes = (
            atheris.Mutate(data, most) if not data or chance.random() < 0.3 else edited(data, chance)
        )
        return blind[:most]

    def change_certificate(data: bytes, most: int, _seed: int) -> bytes:
        try:
            der = b64decode(data)
        except ValueError:
            der = b""
        return b64encode(atheris.Mutate(der, most * 3 // 4 - 3))

    atheris.Setup(
        ["tests.fuzz", *options],
        target,
        custom_mutator=change_certificate if name == "certificate" else change_document,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
