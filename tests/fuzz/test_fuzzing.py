"""A short run of each fuzzer, from the kept corpus; long runs are `python -m tests.fuzz`."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from feedsrv.trust.profile import Kind
from tests.conftest import MISSING
from tests.fuzz.__main__ import CORPUS
from tests.fuzz.editing import edited
from tests.fuzz.genuine import kept
from tests.fuzz.keeping import smallest
from tests.fuzz.targets import TARGETS

RUNS = 1_500
MOST_KEPT = 800_000
"""Bytes of the whole corpus."""


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.skipif(
    find_spec("atheris") is None, reason=f"{MISSING} atheris, which has no wheel for this Python"
)
def test_a_short_run_finds_nothing(name: str, tmp_path: Path, repository: Path) -> None:
    """Always the same inputs, since the seed is; a finding would be left in the folder."""
    words = [sys.executable, "-m", "tests.fuzz", name, "--runs", str(RUNS), "--folder", str(tmp_path)]

    done = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-4_000:]
    executed = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    assert executed is not None
    assert int(executed[1]) >= RUNS
    assert [path for path in tmp_path.iterdir() if path.name != "found"] == []


@pytest.mark.parametrize("name", TARGETS)
def test_the_kept_inputs_still_find_nothing(name: str) -> None:
    """What once reached a corner of the code, or was a finding, is tried by every run of the tests."""
    inputs = sorted((CORPUS / name).iterdir())

    for path in inputs:
        TARGETS[name](path.read_bytes())

    assert len(inputs) >= 5


def test_the_kept_corpus_stays_small() -> None:
    """It is checked in."""
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < MOST_KEPT


@pytest.mark.parametrize("kind", Kind)
def test_the_edits_reach_behind_the_parser(kind: Kind) -> None:
    """Else the fuzzers would try the parser alone."""
    one = kept(kind)
    chance = Random(1)  # noqa: S311 - chance, not secrecy

    refusals = [one.check(edited(one.document, chance)) for _ in range(500)]

    met = {refusal.code for refusal in refusals if refusal is not None}
    assert None in refusals, "some edits do no harm, such as a comment"
    assert len([one for one in refusals if one is None or one.code != "trust.document_malformed"]) > 250
    assert {"trust.signature_invalid", "trust.signature_form", "trust.certificate_malformed"} <= met


def test_an_oracle_tells_other_words_from_those_that_were_signed() -> None:
    """A fuzzer that cannot find anything finds nothing."""
    one = kept(Kind.FEED)

    with pytest.raises(AssertionError, match="other words"):
        replace(one, words=kept(Kind.MITIGATION).words).check(one.document)
    with pytest.raises(AssertionError, match="other elements"):
        replace(one, canonical=b"").check(one.document)


def test_what_is_kept_is_the_least_that_reaches_as_far() -> None:
    """Of two inputs that reach the same, the shorter."""
    target = TARGETS["reader"]

    assert smallest(target, [b"<longer/>", b"<short/>", b"<longest/>"]) == [b"<short/>"]
