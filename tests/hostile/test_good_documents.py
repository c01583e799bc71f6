"""What honest tools make of a genuine document is accepted, and says the same words."""

from __future__ import annotations

import pytest

from feedsrv.trust.opening import OpenedFeed
from tests.hostile.commanding import Command
from tests.hostile.flaws import Opened, as_served
from tests.hostile.good import GoodDocument, good
from tests.hostile.test_hostile_corpus import command as command  # noqa: PLC0414 - a fixture is found by its name


def words_of(opened: Opened) -> object:
    """The feed or the mitigation."""
    return opened.feed if isinstance(opened, OpenedFeed) else opened.mitigation


@pytest.mark.parametrize("one", good(), ids=lambda one: one.name)
def test_a_genuine_document_is_accepted_in_every_honest_shape(one: GoodDocument, command: Command) -> None:
    """By the openers and by the command; and it says what was signed."""
    data = one.row.make(one.original)

    opened = one.row.context.open(data, one.original)

    assert (words_of(opened) == one.original.words) is one.row.same_words
    assert (data == one.original.signed) is (one.row.make is as_served)
    if one.row.context.fits_command:
        answer = command.ask(data, one.original, one.row.context)
        assert answer.code is None, answer


def test_the_command_need_not_be_told_the_kind(command: Command) -> None:
    """It finds it out by itself, however long the document is."""
    for one in good():
        if one.row.name in {"as-served", "long", "many-comments", "all-p256"}:
            words = command.words(one.original, one.row.context)
            del words[words.index("--kind") : words.index("--kind") + 2]
            answer = command.asked(words, one.row.make(one.original))
            assert answer.code is None, (one.name, answer)
