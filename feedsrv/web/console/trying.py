"""What a form would do as it stands: the rules' objections, the samples' verdicts, what an agent would write.

Nothing here is kept. The same answer stands in the whole page, for browsers without a script, and is
fetched alone while somebody writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from feedsrv.errors import FeedsrvError, OperatorError
from feedsrv.lints.finding import Finding
from feedsrv.lints.verdicts import Tried, Verdict, judge_samples, try_pattern
from feedsrv.model.action import Syntax
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.previewing import ServerChange, preview
from feedsrv.publishing.refusals import UnknownMitigationError
from feedsrv.publishing.workflow import Workflow
from feedsrv.web import guard
from feedsrv.web.console.form_rows import Slip, bounded, slips_of
from feedsrv.web.console.form_words import Meant, meant_by
from feedsrv.web.console.forms import WriteForm, numbered, sent_form
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render

SOURCE: Final = "console"
MOST_INPUTS: Final = 100
_LONGEST_PATTERN: Final = 4_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one sample: as written, and in the variants that an attacker would send."""

    as_written: Verdict
    variants: tuple[Verdict, ...]

    @property
    def bad(self) -> tuple[Verdict, ...]:
        """The variants that did not do what they should."""
        return tuple(one for one in self.variants if not one.good)

    @property
    def aside(self) -> tuple[Verdict, ...]:
        """The variants that were not asked, each with its reason."""
        return tuple(one for one in self.variants if one.expected == "either")

    @property
    def right(self) -> tuple[Verdict, ...]:
        """The variants that were asked and did what they should."""
        return tuple(one for one in self.variants if one.good and one.expected != "either")

    @property
    def is_good(self) -> bool:
        """True where all did what they should."""
        return self.as_written.good and not self.bad


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found out about a form."""

    slips: int = 0
    """Fields that are not right yet; with any, nothing further can be tried."""
    missing: tuple[Slip, ...] = ()
    """Those fields, as far as they can be named."""
    findings: tuple[Finding, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    changes: tuple[ServerChange, ...] = ()
    trouble: str = ""
    """Why the rules could not be asked."""
    tried: tuple[Tried, ...] | None = None
    """What the pattern to try did; None where there is none."""
    pattern_trouble: str = ""

    @property
    def is_clean(self) -> bool:
        """True where nobody objects to anything."""
        return not (self.slips or self.findings or self.trouble) and all(
            one.is_good for one in self.judgements
        )


def try_form(form: WriteForm, meant: Meant, *, workflow: Workflow, publisher: str) -> Trial:
    """Try a form that was judged; whatever goes wrong is part of the answer."""
    trial = _try_draft(meant, slips_of(form), workflow, publisher)
    pattern = str(form.tester_pattern.data or "")
    if not pattern:
        return trial
    try:
        return replace(trial, tried=_try_pattern(form, pattern))
    except OperatorError:
        raise
    except (FeedsrvError, ValueError) as refused:
        return replace(trial, pattern_trouble=str(refused))


def _try_draft(meant: Meant, slips: tuple[Slip, ...], workflow: Workflow, publisher: str) -> Trial:
    if meant.draft is None:
        return Trial(slips=max(len(slips), 1), missing=slips)
    try:
        judged = workflow.judge(meant.written, source=SOURCE)
    except OperatorError:
        raise
    except FeedsrvError as refused:
        return Trial(trouble=str(refused))
    # Revision and moment are those that the desk would give it.
    return Trial(
        findings=judged.findings,
        judgements=_gathered(judge_samples(judged.draft)),
        changes=preview(judged.draft.mitigation, publisher),
    )


def _gathered(verdicts: Sequence[Verdict]) -> tuple[Judgement, ...]:
    """Variants with the sample that they were made of."""
    first = [one for one in verdicts if one.variant is None]
    return tuple(
        Judgement(
            one,
            tuple(other for other in verdicts if other.variant is not None and other.sample == one.sample),
        )
        for one in first
    )


def _try_pattern(form: WriteForm, pattern: str) -> tuple[Tried, ...]:
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(f"the pattern has {len(pattern)} characters; at most {_LONGEST_PATTERN} fit")
    typed = [line for _, line in numbered(form.tester_inputs.data or "")]
    inputs = typed or [str(entry.form.url.data or "") for entry in form.samples]
    if len(inputs) > MOST_INPUTS:
        raise ValueError(f"{len(inputs)} inputs; at most {MOST_INPUTS} are tried at once")
    syntax = Syntax(str(form.tester_syntax.data))
    return try_pattern(
        pattern, syntax, bool(form.tester_ignore_case.data), [one[:_LONGEST_PATTERN] for one in inputs]
    )


def next_number(workflow: Workflow, mitigation_id: str) -> int:
    """The number that the next words of a mitigation get; 1 where nothing of it was published."""
    try:
        return (workflow.show(mitigation_id).published or 0) + 1
    except UnknownMitigationError:
        return 1


def trying_blueprint(desk: Desk) -> Blueprint:
    """`/mitigations/try`."""
    door = Blueprint("trying", __name__)

    @door.post("/mitigations/try")
    def try_it() -> ResponseReturnValue:
        who = guard.require(Role.AUTHOR)
        workflow = desk.workflow(who)
        form = sent_form(bounded(request.form))
        number = next_number(workflow, str(form.id.data or ""))
        meant = meant_by(form, number=number, issued=desk.clock())
        trial = try_form(form, meant, workflow=workflow, publisher=desk.publisher)
        return render("desk/try.html", trial=trial)

    return door
