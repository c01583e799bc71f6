"""Every verb of the workflow that changes something, and what must lie on the desk before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from feedsrv.model.build import Build
from feedsrv.publishing.workflow import Workflow
from tests.desk import SPAN, Desk, urgent
from tests.publisher import CATALOGUE, PRODUCT, cumulative_update, written

Act = Callable[[Workflow, str, str | None], object]
"""Given the verbs, who acts, and the tag of what they saw."""

_BUILD: Final = Build.parse("15.2.1900.1")


@dataclass(frozen=True)
class Verb:
    """One verb: its name in the tables, what it needs, and the call."""

    name: str
    prepare: Callable[[Desk], object]
    act: Act
    takes_seen: bool = True


def _digest(workflow: Workflow) -> str:
    return workflow.show_mitigation("M0001").digest


def _nothing(desk: Desk) -> None:
    """The catalogue is there from the beginning."""
    assert desk.workflow.catalogue().products


def _draft(desk: Desk) -> None:
    desk.bring(urgent())


def _in_review(desk: Desk) -> None:
    _draft(desk)
    desk.workflow.submit("M0001", by="anna")


def _approved_alone(desk: Desk) -> None:
    _in_review(desk)
    desk.break_glass()


def _published(desk: Desk) -> None:
    desk.publish(written())


def _registered(desk: Desk) -> None:
    desk.workflow.register_update(cumulative_update(), by="carl")


def _overdue(desk: Desk) -> None:
    _approved_alone(desk)
    desk.publish()
    desk.at += SPAN + timedelta(minutes=1)


VERBS: Final = {
    verb.name: verb
    for verb in (
        Verb(
            "mitigation.import",
            _draft,
            lambda workflow, by, seen: workflow.import_mitigation(
                urgent(title="Other words"), source="m.xml", by=by, seen=seen
            ),
        ),
        Verb("submit", _draft, lambda workflow, by, seen: workflow.submit("M0001", by=by, seen=seen)),
        Verb("discard", _draft, lambda workflow, by, seen: workflow.discard("M0001", by=by, seen=seen)),
        Verb(
            "approve",
            _in_review,
            lambda workflow, by, seen: workflow.approve("M0001", by=by, digest=_digest(workflow), seen=seen),
        ),
        Verb(
            "return",
            _in_review,
            lambda workflow, by, seen: workflow.return_("M0001", by=by, reason="Too broad.", seen=seen),
        ),
        Verb(
            "break-glass",
            _in_review,
            lambda workflow, by, seen: workflow.break_glass(
                "M0001", by=by, digest=_digest(workflow), incident="INC-7", reason="Exploited.", seen=seen
            ),
        ),
        Verb(
            "countersign",
            _approved_alone,
            lambda workflow, by, seen: workflow.countersign(
                "M0001", by=by, digest=_digest(workflow), seen=seen
            ),
        ),
        Verb(
            "withdraw",
            _published,
            lambda workflow, by, seen: workflow.withdraw("M0001", by=by, reason="It breaks mail.", seen=seen),
        ),
        Verb(
            "revise",
            _published,
            lambda workflow, by, seen: workflow.revise("M0001", by=by, change="Signed anew.", seen=seen),
        ),
        Verb(
            "catalogue.import",
            _nothing,
            lambda workflow, by, _: workflow.import_catalogue(
                CATALOGUE.replace(b"Exchange Server 2019", b"Exchange 2019"), source="c.xml", by=by
            ),
            takes_seen=False,
        ),
        Verb(
            "update.register",
            _nothing,
            lambda workflow, by, _: workflow.register_update(cumulative_update(), by=by),
            takes_seen=False,
        ),
        Verb(
            "update.discard",
            _registered,
            lambda workflow, by, _: workflow.discard_update(PRODUCT, _BUILD, by=by),
            takes_seen=False,
        ),
        Verb(
            "update.release",
            _registered,
            lambda workflow, by, _: workflow.release_update(PRODUCT, _BUILD, by=by),
            takes_seen=False,
        ),
        Verb(
            "unsigned.withdraw",
            _overdue,
            lambda workflow, by, _: workflow.withdraw_due(by=by),
            takes_seen=False,
        ),
    )
}
