"""Every hostile document is refused for what is wrong with it, by the openers and by the command."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Final

import pytest

from feedsrv.codec import refusals as reader_refusals
from feedsrv.codec.refusals import XmlError
from feedsrv.errors import FeedsrvError
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import REFUSALS
from tests.hostile.commanding import Command
from tests.hostile.filling import MOST_BYTES
from tests.hostile.flaws import USUAL, Context, Hostile, as_served
from tests.hostile.genuine import genuine
from tests.hostile.manifest import classes, corpus

CLASSES: Final = 27
LEAST: Final = 1_500
"""Documents; the table that walks over both documents gives more as these grow."""

MOST_TOLD: Final = 4_000
"""Characters of a refusal."""


def of_class(name: str) -> tuple[Hostile, ...]:
    """The documents of one class."""
    return tuple(one for one in corpus() if one.class_ == name)


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command, with one folder for all that it reads."""
    return Command(tmp_path_factory.mktemp("command"))


@pytest.mark.parametrize("class_", classes())
def test_every_document_is_refused_with_the_code_that_is_due(class_: str, command: Command) -> None:
    """By `open_feed` and `open_mitigation`, and by the command where it can be told all there is."""
    wrong: dict[str, object] = {}

    for one in of_class(class_):
        data = one.make()
        said = one.refusal(data)
        if _codes(said) != (one.code, one.flaw.reader):
            wrong[one.name] = (one.code, one.flaw.reader, said)
        if not _is_harmless(str(said)):
            wrong[f"{one.name} (words)"] = str(said)
        if one.context.fits_command:
            answer = command.ask(data, one.original, one.context)
            if answer.code != one.code or not _is_harmless(answer.stderr):
                wrong[f"{one.name} (command)"] = (one.code, answer)

    assert wrong == {}


def _is_harmless(told: str) -> bool:
    """What is told steers no terminal and fills no log, whatever it quotes."""
    return len(told) <= MOST_TOLD and all(one.isprintable() or one == "\n" for one in told)


def _codes(refusal: FeedsrvError | None) -> tuple[str | None, str | None]:
    """The refusal's own code, and that of the reader behind it."""
    if refusal is None:
        return None, None
    cause = refusal.__cause__
    return refusal.code, cause.code if isinstance(cause, FeedsrvError) else None


# A process differs from the command asked above in how it starts and ends, not by the class: some are enough.
@pytest.mark.parametrize("class_", tuple(classes())[::4])
def test_a_strangers_script_is_told_the_same(class_: str, command: Command) -> None:
    """The installed command, as a process of its own, for one document of every fourth class."""
    fitting = [one for one in of_class(class_) if one.context.fits_command]
    one = fitting[len(fitting) // 2]

    answer = command.run(one.make(), one.original, one.context)

    assert (answer.exit_code, answer.code) == (1, one.code)


@pytest.mark.parametrize("class_", classes())
def test_nothing_is_wrong_but_what_is_said(class_: str) -> None:
    """The genuine document passes the same judge; or, where the judge is the point, the usual one."""
    for one in of_class(class_):
        if one.flaw.make is as_served:
            assert one.context is not USUAL, one.name
            assert _accepts(USUAL, one.kind), one.name
        else:
            assert one.make() != one.original.signed, one.name
            assert _accepts(one.context, one.kind), one.name


@cache
def _accepts(context: Context, kind: Kind) -> bool:
    one = genuine(kind)
    opened = context.open(one.signed, one)
    return opened.proof.kind is kind


def test_every_refusal_has_a_document_that_meets_it() -> None:
    """None of the codes that are promised is there for nothing."""
    assert {one.code for one in corpus()} == set(REFUSALS)


def test_every_refusal_of_the_reader_has_a_document_that_meets_it() -> None:
    """`xml.meaning` speaks with the code of the words' own refusal."""
    known = {
        refusal.code
        for refusal in vars(reader_refusals).values()
        if isinstance(refusal, type) and issubclass(refusal, XmlError) and refusal is not XmlError
    }
    met = {one.flaw.reader for one in corpus() if one.flaw.reader}

    assert known - {"xml.meaning"} <= met
    assert {"feed.contradiction", "mitigation.contradiction", "build.empty_range"} <= met


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    """So that nobody loses a class in silence."""
    documents = Counter(one.class_ for one in corpus())

    assert len(documents) == CLASSES
    assert sum(documents.values()) >= LEAST
    assert min(documents.values()) >= 10


def test_every_document_has_a_name_and_a_sentence_of_its_own() -> None:
    """A manifest in which two lines look alike helps nobody."""
    names = Counter(one.name for one in corpus())
    sentences = Counter((one.class_, one.kind, one.flaw.wrong) for one in corpus())

    assert [name for name, times in names.items() if times > 1] == []
    assert [said for said, times in sentences.items() if times > 1 or not said[2].strip()] == []


def test_no_document_is_larger_than_is_promised_to_be_refused_cheaply() -> None:
    """Five mebibytes; some come within a hair of it."""
    sizes = [len(one.make()) for one in corpus() if one.class_ in {"bombs", "within-limits"}]

    assert MOST_BYTES - 100 < max(sizes) <= MOST_BYTES
