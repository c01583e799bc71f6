"""A mitigation as its authors write it, as JSON: `feedsrv.model.mitigation.Draft` there and back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from feedsrv.codec.authoring import write_draft
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.mitigation import (
    PRODUCTION,
    Affects,
    Draft,
    Mitigation,
    RequestSample,
    Samples,
    Severity,
    Status,
)
from feedsrv.web.api.rules import ActionId, ActionWords, Exact, ShortText, action_of, action_words
from feedsrv.web.api.words import (
    LONGEST_TEXT,
    MOST_ITEMS,
    Body,
    BuildNumber,
    ChannelName,
    MitigationId,
    ProductId,
    Text,
)

Line = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Lines = Annotated[tuple[Line, ...], Field(max_length=MOST_ITEMS)]


class RangeWords(Body):
    """Builds from one on, up to the one that fixes it."""

    introduced: BuildNumber
    """The first affected build."""
    fixed: BuildNumber | None = None
    """The first build that is affected no longer; null while there is no fix."""


class AffectsWords(Body):
    """The affected builds of one product."""

    product: ProductId
    """As the catalogue names it."""
    ranges: Annotated[tuple[RangeWords, ...], Field(min_length=1, max_length=MOST_ITEMS)]


class HeaderWords(Body):
    """One header."""

    name: ShortText
    """As on the wire, such as `User-Agent`."""
    value: Exact


class SampleWords(Body):
    """One exchange with the server, to try the rules on; never published."""

    name: ShortText
    """For people."""
    url: Text
    """Path and query as sent, such as `/owa/?layout=light`."""
    method: ShortText = "GET"
    headers: Annotated[tuple[HeaderWords, ...], Field(max_length=MOST_ITEMS)] = ()
    response_headers: Annotated[tuple[HeaderWords, ...], Field(max_length=MOST_ITEMS)] = ()
    """What the server answers, for outbound rules."""
    action: ActionId | None = None
    """The one rule that must block it; null where any may."""
    expect: Annotated[tuple[HeaderWords, ...], Field(max_length=MOST_ITEMS)] = ()
    """For an outbound rule: response headers that must come out."""
    known_issue: Text | None = None
    """Of what may be blocked: the known issue that says so, in its own words."""


class SamplesWords(Body):
    """Requests to try the rules on."""

    must_block: Annotated[tuple[SampleWords, ...], Field(max_length=MOST_ITEMS)] = ()
    """What the rules must act on."""
    must_pass: Annotated[tuple[SampleWords, ...], Field(max_length=MOST_ITEMS)] = ()
    """What they must leave alone."""
    may_block: Annotated[tuple[SampleWords, ...], Field(max_length=MOST_ITEMS)] = ()
    """Ordinary requests that they block all the same, each as a known issue says."""


class DraftWords(Body):
    """A mitigation as its authors write it; samples and notes stay in the house."""

    id: MitigationId
    severity: Severity
    title: ShortText
    """A sentence that says what it protects from."""
    description: Text
    """What it does, for the people who run the servers."""
    review_by: date
    """By when a person must look again."""
    affects: Annotated[tuple[AffectsWords, ...], Field(min_length=1, max_length=MOST_ITEMS)]
    actions: Annotated[tuple[ActionWords, ...], Field(min_length=1, max_length=MOST_ITEMS)]
    status: Status = Status.ACTIVE
    channel: ChannelName = PRODUCTION
    vulnerabilities: Lines = ()
    """Such as `CVE-2022-41040`."""
    references: Lines = ()
    """Addresses where more is said."""
    change: Text | None = None
    """What this revision changes, in a sentence; needed from revision 2 on."""
    no_fix_yet: Text | None = None
    """Why a range has no fix, where one has none."""
    known_issues: Lines = ()
    """What it breaks."""
    supersedes: Annotated[tuple[MitigationId, ...], Field(max_length=MOST_ITEMS)] = ()
    """Mitigations that this one takes over from."""
    samples: SamplesWords = SamplesWords()
    notes: Lines = ()
    """For colleagues; never published."""

    def document(self, issued: datetime) -> bytes:
        """The same as an authoring document.

        Raises:
            BadInputError: it contradicts itself, or says what the grammar cannot.
        """
        return write_draft(self.draft(issued))

    def draft(self, issued: datetime) -> Draft:
        """The same as the model has it, as revision 1."""
        mitigation = Mitigation(
            id=self.id,
            revision=1,
            issued=issued,
            severity=self.severity,
            title=self.title,
            description=self.description,
            review_by=self.review_by,
            affects=tuple(_affects_of(one) for one in self.affects),
            actions=tuple(action_of(one) for one in self.actions),
            status=self.status,
            channel=self.channel,
            vulnerabilities=self.vulnerabilities,
            references=self.references,
            change=self.change,
            no_fix_yet=self.no_fix_yet,
            known_issues=self.known_issues,
            supersedes=self.supersedes,
        )
        samples = Samples(
            must_block=tuple(_sample_of(one) for one in self.samples.must_block),
            must_pass=tuple(_sample_of(one) for one in self.samples.must_pass),
            may_block=tuple(_sample_of(one) for one in self.samples.may_block),
        )
        return Draft(mitigation, samples, self.notes)


def draft_words(draft: Draft) -> DraftWords:
    """The model's draft in words.

    The grammar of what is kept has the same limits as what comes in.
    """
    words = draft.mitigation
    return DraftWords(
        id=words.id,
        severity=words.severity,
        title=words.title,
        description=words.description,
        review_by=words.review_by,
        affects=tuple(
            AffectsWords(product=one.product, ranges=tuple(_range_words(each) for each in one.ranges))
            for one in words.affects
        ),
        actions=tuple(action_words(one) for one in words.actions),
        status=words.status,
        channel=words.channel,
        vulnerabilities=words.vulnerabilities,
        references=words.references,
        change=words.change,
        no_fix_yet=words.no_fix_yet,
        known_issues=words.known_issues,
        supersedes=words.supersedes,
        samples=SamplesWords(
            must_block=tuple(_sample_words(one) for one in draft.samples.must_block),
            must_pass=tuple(_sample_words(one) for one in draft.samples.must_pass),
            may_block=tuple(_sample_words(one) for one in draft.samples.may_block),
        ),
        notes=draft.notes,
    )


def _affects_of(words: AffectsWords) -> Affects:
    ranges = tuple(
        BuildRange(Build.parse(one.introduced), Build.parse(one.fixed) if one.fixed else None)
        for one in words.ranges
    )
    return Affects(words.product, ranges)


def _range_words(found: BuildRange) -> RangeWords:
    return RangeWords(introduced=str(found.introduced), fixed=str(found.fixed) if found.fixed else None)


def _sample_of(words: SampleWords) -> RequestSample:
    def pairs(headers: tuple[HeaderWords, ...]) -> tuple[tuple[str, str], ...]:
        return tuple((one.name, one.value) for one in headers)

    return RequestSample(
        name=words.name,
        url=words.url,
        method=words.method,
        headers=pairs(words.headers),
        response_headers=pairs(words.response_headers),
        action=words.action,
        expect=pairs(words.expect),
        known_issue=words.known_issue,
    )


def _sample_words(sample: RequestSample) -> SampleWords:
    def lines(pairs: tuple[tuple[str, str], ...]) -> tuple[HeaderWords, ...]:
        return tuple(HeaderWords(name=name, value=value) for name, value in pairs)

    return SampleWords(
        name=sample.name,
        url=sample.url,
        method=sample.method,
        headers=lines(sample.headers),
        response_headers=lines(sample.response_headers),
        action=sample.action,
        expect=lines(sample.expect),
        known_issue=sample.known_issue,
    )
