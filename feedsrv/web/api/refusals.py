"""Why the API refuses a request before anybody looks at what it asks."""

from __future__ import annotations

from datetime import timedelta

from feedsrv.errors import BadInputError, ConflictError


class BadCursorError(BadInputError):
    """A cursor was changed, or belongs to another list."""

    code = "api.bad_cursor"

    def __init__(self) -> None:
        super().__init__(
            "this cursor is not one that this list gave out: take `next` of the page before as it stands, "
            "with the same filters, or leave `cursor` out to begin anew"
        )


class NotJsonError(BadInputError):
    """The body of a request is no JSON."""

    code = "api.not_json"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the body is no JSON object in UTF-8: {reason}")


class BadShapeError(BadInputError):
    """A request has another shape than the API's description says."""

    code = "api.bad_shape"


class MediaTypeError(BadInputError):
    """The body is not of the media type that this operation takes."""

    code = "api.media_type"

    def __init__(self, wanted: str, got: str) -> None:
        super().__init__(f"this takes a body of Content-Type: {wanted}, and got {got[:60] or 'none'}")


class NotAcceptableError(BadInputError):
    """The client takes nothing that this operation answers."""

    code = "api.not_acceptable"

    def __init__(self, answers: str) -> None:
        super().__init__(f"this answers {answers}, which the Accept header leaves out")


class MissingTagError(ConflictError):
    """The request could undo what somebody else did meanwhile, and does not say what it has seen."""

    code = "api.missing_tag"

    def __init__(self) -> None:
        super().__init__(
            "say what you looked at: send If-Match with the ETag of the revision as you read it, or `*` to "
            "act on whatever is there"
        )


class BadTagError(BadInputError):
    """An If-Match header names no tag of ours."""

    code = "api.bad_tag"

    def __init__(self) -> None:
        super().__init__('If-Match takes one ETag as you got it, in its quotes, or `*`: If-Match: "0123abcd"')


class BadKeyError(BadInputError):
    """An Idempotency-Key header is too short, too long, or holds what no key may hold."""

    code = "api.bad_key"

    def __init__(self) -> None:
        super().__init__(
            "an Idempotency-Key has 8 to 150 visible ASCII characters without spaces; a random UUID does well"
        )


class ReusedKeyError(BadInputError):
    """Another request was sent under this idempotency key."""

    code = "api.reused_key"

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key belongs to another request of yours: choose a new key for each act, and "
            "repeat it only with the very same request and token"
        )


class AtWorkError(ConflictError):
    """The first request under this idempotency key has not been answered yet."""

    code = "api.at_work"

    def __init__(self, span: timedelta) -> None:
        minutes = int(span.total_seconds() // 60)
        super().__init__(
            "the first request under this Idempotency-Key is still at work; send it again in a while. One "
            f"that was cut short can be sent again after {minutes} minutes"
        )
