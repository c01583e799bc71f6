"""What every adapter promises: one class of tests, asked of each of them.

A test module derives from `AdapterContract` and gives it a `bench`: one adapter, one target that
is not in place yet, and ways to meddle with the server behind the adapter's back.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Protocol, cast

import pytest

from feedsrv.agent.ports import Adapter, AdapterError, Presence, Target, Undo


class AdapterBench(Protocol):
    """One adapter with a server to change, and somebody else who changes it too."""

    @property
    def adapter(self) -> Adapter:
        """The adapter that is asked."""

    @property
    def target(self) -> Target:
        """Something that is not in place yet."""

    def snapshot(self) -> object:
        """Everything that the adapter could change, to compare with `==`."""

    def spoil(self) -> bool:
        """Change what the adapter has put there, so that it does not do what it should; True when done."""

    def occupy(self) -> bool:
        """Put something foreign under the target's name; False where there is no name to take."""


class NamelessAdapterContract:
    """What every adapter promises, also one whose changes have no name."""

    @pytest.fixture
    def bench(self) -> AdapterBench:
        """Overridden by each adapter's own tests."""
        raise NotImplementedError

    def test_looking_finds_nothing_and_changes_nothing(self, bench: AdapterBench) -> None:
        """What was never applied is absent, and looking leaves no trace."""
        before = bench.snapshot()

        sight = bench.adapter.look(bench.target)

        assert sight.presence is Presence.ABSENT
        assert bench.snapshot() == before

    def test_capturing_changes_nothing_and_is_json(self, bench: AdapterBench) -> None:
        """The way back can be written to a journal, and capturing it leaves no trace."""
        before = bench.snapshot()

        undo = bench.adapter.capture(bench.target)

        assert _through_json(undo) == undo
        assert bench.snapshot() == before

    def test_what_was_applied_is_present(self, bench: AdapterBench) -> None:
        """After applying, looking finds what the action wants, and says where in words."""
        bench.adapter.apply(bench.target)

        sight = bench.adapter.look(bench.target)

        assert sight.presence is Presence.PRESENT
        assert sight.detail

    def test_applying_twice_changes_nothing_more(self, bench: AdapterBench) -> None:
        """A repeated apply leaves everything as the first one did."""
        bench.adapter.apply(bench.target)
        once = bench.snapshot()

        bench.adapter.apply(bench.target)

        assert bench.snapshot() == once

    def test_undoing_brings_back_what_was_captured(self, bench: AdapterBench) -> None:
        """Capture, apply, undo: the server is as it was, also after the capture went through a file."""
        before = bench.snapshot()
        undo = _through_json(bench.adapter.capture(bench.target))
        bench.adapter.apply(bench.target)

        bench.adapter.undo(bench.target, undo)

        assert bench.snapshot() == before
        assert bench.adapter.look(bench.target).presence is Presence.ABSENT

    def test_undoing_twice_is_harmless(self, bench: AdapterBench) -> None:
        """A second undo changes nothing."""
        before = bench.snapshot()
        undo = bench.adapter.capture(bench.target)
        bench.adapter.apply(bench.target)
        bench.adapter.undo(bench.target, undo)

        bench.adapter.undo(bench.target, undo)

        assert bench.snapshot() == before

    def test_undoing_what_was_never_done_is_harmless(self, bench: AdapterBench) -> None:
        """Undoing after the capture alone, as after a crash between the two, changes nothing."""
        before = bench.snapshot()
        undo = bench.adapter.capture(bench.target)

        bench.adapter.undo(bench.target, undo)

        assert bench.snapshot() == before

    def test_what_somebody_changed_is_found_and_put_right(self, bench: AdapterBench) -> None:
        """Meddling is seen; applying again repairs it; the first capture still undoes all."""
        before = bench.snapshot()
        undo = bench.adapter.capture(bench.target)
        bench.adapter.apply(bench.target)
        assert bench.spoil()
        recorded = replace(bench.target, ours=True)

        seen = bench.adapter.look(recorded).presence
        bench.adapter.apply(recorded)

        assert seen is Presence.CHANGED
        assert bench.adapter.look(recorded).presence is Presence.PRESENT
        bench.adapter.undo(recorded, undo)
        assert bench.snapshot() == before


class AdapterContract(NamelessAdapterContract):
    """What every adapter promises whose changes have a name that somebody else may take."""

    def test_a_name_that_is_taken_is_never_overwritten(self, bench: AdapterBench) -> None:
        """Something foreign under our name is a conflict; neither apply nor undo touches it."""
        assert bench.occupy()
        taken = bench.snapshot()
        undo = bench.adapter.capture(bench.target)

        with pytest.raises(AdapterError):
            bench.adapter.apply(bench.target)
        bench.adapter.undo(bench.target, undo)

        assert bench.adapter.look(bench.target).presence is Presence.CONFLICT
        assert bench.snapshot() == taken


def _through_json(undo: Undo) -> Undo:
    return cast("Undo", json.loads(json.dumps(dict(undo))))
