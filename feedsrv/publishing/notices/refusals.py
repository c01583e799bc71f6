"""Why an address is not sent notices."""

from __future__ import annotations

from feedsrv.errors import BadInputError, NotAllowedError, NotFoundError


class BadWebhookUrlError(BadInputError):
    """Not an address that notices can be sent to."""

    code = "webhook.bad_url"

    def __init__(self, why: str) -> None:
        super().__init__(f"url: {why}; write one such as https://hooks.example.org/feedsrv")


class ForbiddenAddressError(NotAllowedError):
    """An address inside of this site, or of this machine, that notices are not sent to."""

    code = "webhook.forbidden_address"

    def __init__(self, host: str, address: str, what: str) -> None:
        which = host if host == address else f"{host} ({address})"
        super().__init__(
            f"url: {which} is {what}, and notices are not sent there; whoever runs the service may allow a "
            "private network with FEEDSRV_WEBHOOK_NETWORKS"
        )


class UnknownKindError(BadInputError):
    """No notice is of that kind."""

    code = "webhook.unknown_kind"

    def __init__(self, kind: str) -> None:
        super().__init__(f"kinds: no notice is a {kind[:60]!a}; `feedsrv webhook add --help` lists them")


class UnknownWebhookError(NotFoundError):
    """There is no such webhook."""

    code = "webhook.unknown"

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no webhook {number}; `feedsrv webhook list` shows them")


class UnknownDeliveryError(NotFoundError):
    """That notice was never to be sent there."""

    code = "webhook.unknown_delivery"

    def __init__(self, webhook: int, notice: int) -> None:
        super().__init__(f"notice {notice} was never to be sent to webhook {webhook}")


class TooManyWebhooksError(NotAllowedError):
    """No further address is taken."""

    code = "webhook.too_many"

    def __init__(self, most: int) -> None:
        super().__init__(f"there are {most} webhooks; remove one that is needed no more")
