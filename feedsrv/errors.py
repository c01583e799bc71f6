"""The family of refusals.

Every refusal has a stable `code`, which operators may script against, and says who must act.
Rooms define their own refusals below one of the branches here. They become HTTP in
`feedsrv.web.problems` and an exit code in the two command lines, and nowhere else.
"""

from __future__ import annotations

from typing import ClassVar


class FeedsrvError(Exception):
    """Something was refused; the message says what was got, what was wanted, and what to do."""

    code: ClassVar[str] = "error"


class BadInputError(FeedsrvError):
    """Whoever sent or wrote this must change it; sending it again changes nothing."""

    code = "input"


class NotFoundError(BadInputError):
    """What was named does not exist here."""

    code = "input.not_found"


class NotAllowedError(FeedsrvError):
    """This person, or this state of affairs, does not permit the act; somebody else or another act may."""

    code = "not_allowed"


class ConflictError(FeedsrvError):
    """Somebody else was faster, or the thing has changed since it was looked at: look again, then decide."""

    code = "conflict"


class RefusedProofError(FeedsrvError):
    """A document, signature or certificate was not accepted as proof; its publisher must act."""

    code = "trust"


class OperatorError(FeedsrvError):
    """The machine, its settings, keys or disks need an operator."""

    code = "operator"


class UnavailableError(FeedsrvError):
    """Something needed is away for now; trying again later may help."""

    code = "unavailable"
