"""Revisions as the API shows them: in lists, alone, beside another, and what the rules say of them."""

from __future__ import annotations

from datetime import date

from feedsrv.lints.finding import Finding
from feedsrv.lints.verdicts import Verdict
from feedsrv.model.action import Action, title, undo_title
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Severity, Status
from feedsrv.publishing.comparing import Difference
from feedsrv.publishing.summaries import Shown
from feedsrv.web.api.words import InText, Moment, Words


class SummaryWords(Words):
    """One revision as a line of a list."""

    id: str
    """The mitigation's."""
    number: int
    """The revision's."""
    stage: Stage
    """As people see it: superseded and withdrawn, too."""
    title: str
    severity: Severity
    status: Status
    channel: str
    review_by: date
    """By when a person must look again."""
    author: str
    approved_by: str | None
    published_number: int | None
    """The newest revision that was published; null where none was."""
    published_at: Moment | None
    """When that one was published."""
    has_break_glass: bool
    """One person approved it alone, and nobody has countersigned it."""
    returned_by: str | None
    """Who handed it back to its authors; null where nobody did."""


class MitigationPage(Words):
    """A page of mitigations, in order of id, each by its newest revision."""

    items: list[SummaryWords]
    next: str | None
    """The cursor of the page that follows; null at the end."""


class PublishedWords(Words):
    """The signed bytes of a revision."""

    digest: str
    size: int
    """In bytes."""
    at: Moment


class ReturnedWords(Words):
    """Why a revision was handed back."""

    by: str
    at: Moment
    reason: str


class BreakGlassWords(Words):
    """An approval by one person alone."""

    by: str
    at: Moment
    incident: str
    """As the team's own system names it."""
    reason: str
    until: Moment
    """When the revision is withdrawn by itself unless it was countersigned."""
    countersigned_by: str | None
    countersigned_at: Moment | None


class ActionLine(Words):
    """What one action does, and how it is taken back, in words."""

    id: str
    does: str
    undone: str

    @classmethod
    def about(cls, action: Action) -> ActionLine:
        """Of one action."""
        return cls(id=action.id, does=title(action), undone=undo_title(action))


class RevisionWords(Words):
    """One revision, with all that decides what can be done with it."""

    id: str
    """The mitigation's."""
    number: int
    """The revision's."""
    stage: Stage
    """As people see it."""
    is_newest: bool
    """False where a newer revision is open or published."""
    verbs: list[str]
    """What can be done with it now, whoever asks."""
    title: str
    description: str
    severity: Severity
    status: Status
    channel: str
    issued: Moment
    review_by: date
    change: str | None
    """What it changes, as it says itself."""
    affects: list[str]
    """Products with their ranges of builds."""
    actions: list[ActionLine]
    digest: str
    """Of the very words; an approval names it."""
    source: str
    """Where the words came from."""
    author: str
    hands: list[str]
    """Everybody who edited or submitted it; none of them may approve it."""
    approved_by: str | None
    published: PublishedWords | None
    returned: ReturnedWords | None
    break_glass: BreakGlassWords | None
    published_number: int | None
    """The newest revision of the mitigation that was published."""
    supersedes: list[str]
    superseded_by: list[str]

    @classmethod
    def about(cls, shown: Shown) -> RevisionWords:
        """Of what the desk shows."""
        revision, words = shown.revision, shown.revision.mitigation
        return cls(
            id=revision.id,
            number=revision.number,
            stage=shown.stage,
            is_newest=shown.is_newest,
            verbs=list(shown.verbs),
            title=words.title,
            description=words.description,
            severity=words.severity,
            status=words.status,
            channel=words.channel,
            issued=words.issued,
            review_by=words.review_by,
            change=words.change,
            affects=[f"{product} {build_range}" for product, build_range in words.ranges()],
            actions=[ActionLine.about(one) for one in words.actions],
            digest=revision.digest,
            source=revision.source,
            author=revision.author,
            hands=sorted(revision.hands),
            approved_by=revision.approved_by,
            published=PublishedWords.of(revision.published) if revision.published else None,
            returned=ReturnedWords.of(revision.returned) if revision.returned else None,
            break_glass=BreakGlassWords.of(revision.break_glass) if revision.break_glass else None,
            published_number=shown.published,
            supersedes=list(shown.supersedes),
            superseded_by=list(shown.superseded_by),
        )


class History(Words):
    """Every revision of one mitigation, oldest first, discarded ones too."""

    items: list[SummaryWords]


class FindingWords(Words):
    """One objection of one rule."""

    code: str
    """The rule's, `S1` to `S10`."""
    subject: str
    sentence: str
    remedy: str


class Findings(Words):
    """What the rules say; nothing where they have no objection."""

    items: list[FindingWords]

    @classmethod
    def about(cls, found: tuple[Finding, ...]) -> Findings:
        """Of what was found."""
        return cls(items=[FindingWords.of(one) for one in found])


class RequestWords(Words):
    """A request that was asked of the rules."""

    method: str
    url: str


class VerdictWords(Words):
    """What the rules do with one request."""

    sample: str
    """The sample's name."""
    variant: str | None
    """How the request differs from the sample; null for the sample itself."""
    request: RequestWords
    expected: str
    """`block`, `pass`, or `either` where nothing is asked of a rule."""
    blocked: bool
    by: str | None
    """The action that acted, if any."""
    why: str
    good: bool
    """True where it is as expected."""

    @classmethod
    def about(cls, verdict: Verdict) -> VerdictWords:
        """Of one verdict."""
        return cls(
            sample=verdict.sample.name,
            variant=verdict.variant,
            request=RequestWords.of(verdict.request),
            expected=verdict.expected,
            blocked=verdict.blocked,
            by=verdict.by,
            why=verdict.why,
            good=verdict.good,
        )


class Verdicts(Words):
    """What the rules do with the samples and their usual variants."""

    items: list[VerdictWords]


class BuildWords(Words):
    """One build, and where a mitigation stands to it."""

    product: str
    build: InText
    name: str
    released: date
    state: str
    """`affected`, `fixed`, `before` or `registered`."""


class Builds(Words):
    """The builds of the affected products, by the catalogue."""

    items: list[BuildWords]


class ServerChangeWords(Words):
    """What one action changes on a server."""

    action_id: str
    title: str
    where: str
    """What is changed: a file with its location, an application pool, a service."""
    before: str | None
    """What is there before, where that can be known."""
    change: str
    """The fragment of configuration, or what is set."""
    undo: str
    """How it is taken back."""


class ServerChanges(Words):
    """What an agent would change on a server that is affected."""

    items: list[ServerChangeWords]


class ChangeWords(Words):
    """One difference in meaning."""

    field: str
    label: str
    before: str
    after: str
    kind: str
    """`added`, `removed` or `changed`."""


class DifferenceWords(Words):
    """Two revisions beside each other."""

    subject: str
    before: int | None
    """The earlier revision's number; null where there is none."""
    after: int
    summary: list[str]
    """What it means, a sentence each."""
    effects: list[str]
    """What it does to other mitigations and to builds."""
    changes: list[ChangeWords]
    text: str
    """A unified diff of the very bytes that are signed."""

    @classmethod
    def about(cls, found: Difference) -> DifferenceWords:
        """Of a comparison."""
        return cls.of(found)
