"""Products and cumulative updates: importing, registering with a look before, releasing, discarding."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field

from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate, UpdateStage
from feedsrv.publishing.records import Revision, Update
from feedsrv.publishing.workflow import Registered
from feedsrv.web.api.entry import XML
from feedsrv.web.api.routes import Routes, XmlBody, said
from feedsrv.web.api.rules import ShortText
from feedsrv.web.api.words import Body, BuildNumber, InText, MitigationId, ProductId, Source, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal

TAG = "catalogue"
VulnerabilityId = Annotated[str, Field(min_length=3, max_length=60)]


class ReleaseWords(Words):
    """A build that was released."""

    build: InText
    name: str
    released: date


class ProductWords(Words):
    """One product and its released builds, oldest first."""

    id: str
    name: str
    supported_until: date | None
    releases: list[ReleaseWords]


class UpdateWords(Words):
    """A cumulative update."""

    product: str
    build: str
    name: str
    released: date
    kb: str | None
    fixes: list[str]
    """Vulnerabilities."""
    needless: list[str]
    """Mitigations."""
    stage: UpdateStage
    releasing_by: str | None
    """Who asked for its release, which the next publication carries out."""

    @classmethod
    def about(cls, found: Update) -> UpdateWords:
        """Of one update as it is kept."""
        words = found.update
        return cls(
            product=words.product,
            build=str(words.build),
            name=words.name,
            released=words.released,
            kb=words.kb,
            fixes=list(words.fixes),
            needless=list(words.needless),
            stage=words.stage,
            releasing_by=found.releasing_by,
        )


class CatalogueWords(Words):
    """Every product, and every cumulative update."""

    products: list[ProductWords]
    updates: list[UpdateWords]


class ImportedCatalogueWords(Words):
    """What an import made of the catalogue."""

    unchanged: bool
    new_updates: list[str]
    """Product and build of each update that was not known."""


class UpdateBody(Body):
    """A cumulative update and what it makes good."""

    product: ProductId
    build: BuildNumber
    name: ShortText
    """As people call it."""
    released: date
    kb: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,30}$", max_length=30)] | None = None
    fixes: Annotated[tuple[VulnerabilityId, ...], Field(max_length=200)] = ()
    """Vulnerabilities, such as `CVE-2022-41040`."""
    needless: Annotated[tuple[MitigationId, ...], Field(max_length=200)] = ()
    """Mitigations that it makes needless."""

    def update(self) -> CumulativeUpdate:
        """The same as the model has it."""
        return CumulativeUpdate(
            product=self.product,
            build=Build.parse(self.build),
            name=self.name,
            released=self.released,
            kb=self.kb,
            fixes=self.fixes,
            needless=self.needless,
            stage=UpdateStage.REGISTERED,
        )


class DraftedWords(Words):
    """A revision that is drafted for an update."""

    id: str
    number: int
    change: str | None
    """What it says that it changes."""
    affects: list[str]
    """Products with their ranges of builds."""
    digest: str
    """Of its words; not yet fixed in a plan, since the moment of issue is among them."""
    document: str
    """The words themselves, XML."""

    @classmethod
    def about(cls, revision: Revision) -> DraftedWords:
        """Of one revision."""
        words = revision.mitigation
        return cls(
            id=revision.id,
            number=revision.number,
            change=words.change,
            affects=[f"{product} {build_range}" for product, build_range in words.ranges()],
            digest=revision.digest,
            document=revision.unsigned.decode(),
        )


class RegisteredWords(Words):
    """What registering an update does."""

    update: UpdateWords
    revisions: list[DraftedWords]
    """In review then; each needs an approval before the update can be released."""
    unchanged: bool
    """True where it is registered already, and nothing is drafted."""
    kept: list[str]
    """Mitigations that stay, though it fixes a part of what they protect from; a sentence each."""

    @classmethod
    def about(cls, found: Registered) -> RegisteredWords:
        """Of what was registered, or would be."""
        return cls(
            update=UpdateWords.about(found.update),
            revisions=[DraftedWords.about(one) for one in found.revisions],
            unchanged=found.unchanged,
            kept=list(found.kept),
        )


class UpdatePath(Words):
    """Which update."""

    product: ProductId
    build: BuildNumber


def add(routes: Routes, desk: Desk) -> None:
    """The catalogue and its updates."""
    _add_catalogue(routes, desk)
    _add_updates(routes, desk)


def _add_catalogue(routes: Routes, desk: Desk) -> None:
    @routes.get("/v1/catalogue", CatalogueWords, tag=TAG)
    def read_catalogue() -> Response:
        """Read every product and every cumulative update."""
        workflow = desk.workflow(principal())
        products = workflow.catalogue().products.values()
        return said(
            CatalogueWords(
                products=[ProductWords.of(one) for one in products],
                updates=[UpdateWords.about(one) for one in workflow.list_updates()],
            )
        )

    @routes.post("/v1/catalogue/import", ImportedCatalogueWords, tag=TAG, takes=XML)
    def import_catalogue(raw: XmlBody, query: Source) -> Response:
        """Take over products and updates from a catalogue file."""
        who = principal()
        found = desk.workflow(who).import_catalogue(raw.get_data(), source=query.source, by=who.name)
        new = [f"{one.product} {one.build}" for one in found.new_updates]
        return said(ImportedCatalogueWords(unchanged=found.unchanged, new_updates=new))


def _add_updates(routes: Routes, desk: Desk) -> None:
    @routes.post("/v1/updates/plan", RegisteredWords, tag=TAG)
    def plan_update(body: UpdateBody) -> Response:
        """See what registering an update would do, with the words it would draft; nothing is kept."""
        who = principal()
        return said(RegisteredWords.about(desk.workflow(who).plan_update(body.update(), by=who.name)))

    @routes.post("/v1/updates", RegisteredWords, tag=TAG, also=(HTTPStatus.CREATED,))
    def register_update(body: UpdateBody) -> Response:
        """Register an update, and draft every superseding revision that it obliges."""
        who = principal()
        found = desk.workflow(who).register_update(body.update(), by=who.name)
        status = HTTPStatus.OK if found.unchanged else HTTPStatus.CREATED
        return said(RegisteredWords.about(found), status)

    @routes.post("/v1/updates/<product>/<build>/release", UpdateWords, tag=TAG, takes=None)
    def release_update(path: UpdatePath) -> Response:
        """Have the next publication release an update, together with its superseding revisions."""
        who = principal()
        verbs = desk.workflow(who)
        return said(
            UpdateWords.about(verbs.release_update(path.product, Build.parse(path.build), by=who.name))
        )

    @routes.post("/v1/updates/<product>/<build>/discard", UpdateWords, tag=TAG, takes=None)
    def discard_update(path: UpdatePath) -> Response:
        """Forget an update that was registered by mistake, or will not come out."""
        who = principal()
        verbs = desk.workflow(who)
        return said(
            UpdateWords.about(verbs.discard_update(path.product, Build.parse(path.build), by=who.name))
        )
