"""What people are told of, and the addresses of programs that are told of it, too."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field

from feedsrv.publishing.notice_records import Notice, Webhook, Weight
from feedsrv.publishing.notices.kinds import KINDS
from feedsrv.web.api.paging import Paged
from feedsrv.web.api.routes import Routes, said
from feedsrv.web.api.words import Body, Moment, Number, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal

TAG = "notices"
KindName = Annotated[str, Field(min_length=1, max_length=64)]


class NoticeWords(Words):
    """Something that the people here should know."""

    number: int
    at: Moment
    kind: str
    """Stable, such as `mitigation.published`."""
    weight: Weight
    subject: str
    by: str
    sentence: str
    settled_at: Moment | None
    """When an alarm ended."""


class NoticePageWords(Words):
    """A page of notices, newest first."""

    items: list[NoticeWords]
    next: str | None
    """The cursor of the page that follows; null at the first notice."""


class AlarmsWords(Words):
    """What everybody must know until it is settled, oldest first."""

    items: list[NoticeWords]


class KindWords(Words):
    """One kind of notice."""

    kind: str
    summary: str
    weight: Weight


class KindsWords(Words):
    """Every kind of notice there is."""

    items: list[KindWords]


class WebhookWords(Words):
    """An address that notices are sent to."""

    number: int
    url: str
    kinds: list[str]
    """Which notices; none for all of them."""
    made_at: Moment
    by: str

    @classmethod
    def about(cls, found: Webhook) -> WebhookWords:
        """Of one address."""
        return cls(
            number=found.number,
            url=found.url,
            kinds=sorted(found.kinds),
            made_at=found.made_at,
            by=found.by,
        )


class WebhooksWords(Words):
    """Every address in use."""

    items: list[WebhookWords]


class WebhookBody(Body):
    """A further address."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    """https, and nowhere private unless the operator allows it."""
    kinds: Annotated[tuple[KindName, ...], Field(max_length=2 * len(KINDS))] = ()
    """Which notices; none for all of them."""


class SecretWords(Words):
    """The key by which a receiver knows that a notice is ours."""

    secret: str
    """As Standard Webhooks write it: `whsec_` and base64."""


class DeliveryWords(Words):
    """One notice on its way to one address."""

    notice: int
    attempts: int
    next_at: Moment | None
    """When it is tried again; null once it is done or given up."""
    done_at: Moment | None
    outcome: str
    """What the last attempt came to."""


class DeliveriesWords(Words):
    """The newest deliveries, newest notice first."""

    items: list[DeliveryWords]


class NoticeBody(Body):
    """Which notice."""

    notice: Annotated[int, Field(ge=1, le=999_999_999)]
    """Its number."""


class WebhookPath(Words):
    """Which webhook."""

    number: Number


def add(routes: Routes, desk: Desk) -> None:
    """Notices and webhooks."""
    _add_notices(routes, desk)
    _add_webhooks(routes, desk)
    _add_deliveries(routes, desk)


def _add_notices(routes: Routes, desk: Desk) -> None:
    @routes.get("/v1/notices", NoticePageWords, tag=TAG)
    def list_notices(query: Paged) -> Response:
        """List notices, newest first."""
        principal()
        found = desk.notices.newest(query.limit + 1, query.before(TAG))
        shown = found[: query.limit]
        last = shown[-1].number if len(found) > query.limit else None
        return said(NoticePageWords(items=_notices(shown), next=query.cursor_after(TAG, last)))

    @routes.get("/v1/alarms", AlarmsWords, tag=TAG)
    def list_alarms() -> Response:
        """List what everybody must know until it is settled."""
        principal()
        return said(AlarmsWords(items=_notices(desk.notices.alarms())))

    @routes.get("/v1/notice-kinds", KindsWords, tag=TAG)
    def list_kinds() -> Response:
        """List every kind of notice that a webhook may ask for."""
        principal()
        return said(
            KindsWords(
                items=[
                    KindWords(kind=name, summary=kind.summary, weight=kind.weight)
                    for name, kind in KINDS.items()
                ]
            )
        )


def _add_webhooks(routes: Routes, desk: Desk) -> None:
    @routes.get("/v1/webhooks", WebhooksWords, tag=TAG)
    def list_webhooks() -> Response:
        """List every address in use."""
        found = desk.notices.webhooks(principal())
        return said(WebhooksWords(items=[WebhookWords.about(one) for one in found]))

    @routes.post("/v1/webhooks", WebhookWords, tag=TAG, success=HTTPStatus.CREATED)
    def add_webhook(body: WebhookBody) -> Response:
        """Send notices to a further address, from the next one on."""
        added = desk.notices.add_webhook(body.url, body.kinds, by=principal())
        return said(WebhookWords.about(added), HTTPStatus.CREATED)

    @routes.get("/v1/webhooks/<number>/secret", SecretWords, tag=TAG)
    def read_webhook_secret(path: WebhookPath) -> Response:
        """Read the key that the receiver checks signatures with; the audit log says that you did."""
        return said(SecretWords(secret=desk.notices.secret_of(path.number, by=principal())))

    @routes.post("/v1/webhooks/<number>/remove", WebhooksWords, tag=TAG, takes=None)
    def remove_webhook(path: WebhookPath) -> Response:
        """Send nothing more to an address; answered with those that are left."""
        who = principal()
        desk.notices.remove_webhook(path.number, by=who)
        return said(WebhooksWords(items=[WebhookWords.about(one) for one in desk.notices.webhooks(who)]))


def _add_deliveries(routes: Routes, desk: Desk) -> None:
    @routes.get("/v1/webhooks/<number>/deliveries", DeliveriesWords, tag=TAG)
    def list_deliveries(path: WebhookPath) -> Response:
        """List the newest deliveries to an address."""
        found = desk.notices.deliveries(path.number, by=principal())
        return said(DeliveriesWords(items=[DeliveryWords.of(one) for one in found]))

    @routes.post("/v1/webhooks/<number>/redeliver", DeliveryWords, tag=TAG)
    def redeliver(path: WebhookPath, body: NoticeBody) -> Response:
        """Send a notice once more, soon."""
        return said(DeliveryWords.of(desk.notices.redeliver(path.number, body.notice, by=principal())))

    @routes.post("/v1/webhooks/<number>/test", NoticeWords, tag=TAG, takes=None)
    def try_webhook(path: WebhookPath) -> Response:
        """Send a notice that says nothing, soon, to this address alone."""
        return said(NoticeWords.of(desk.notices.try_webhook(path.number, by=principal())))


def _notices(found: tuple[Notice, ...]) -> list[NoticeWords]:
    return [NoticeWords.of(one) for one in found]
