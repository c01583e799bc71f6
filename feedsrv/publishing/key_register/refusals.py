"""Why the key desk refuses, in the order in which a key meets the reasons."""

from __future__ import annotations

from collections.abc import Iterable

from feedsrv.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError, OperatorError
from feedsrv.trust.looking import Deviation


class ClockError(OperatorError):
    """This machine's clock is wrong; what is signed by it would carry that into the world."""

    code = "key.clock"


class BadFingerprintError(BadInputError):
    """What was written is no fingerprint, or the beginning of several."""

    code = "key.bad_fingerprint"


class UnknownKeyError(NotFoundError):
    """There is no such key or certificate here."""

    code = "key.unknown"


class PlaceTakenError(ConflictError):
    """A key lies there already, and was not made for this request."""

    code = "key.place_taken"


class NoRequestError(BadInputError):
    """There is no certificate yet, or no request where one is needed."""

    code = "key.no_request"


class NoKeyForItError(BadInputError):
    """None of the certificates is for a key that is known here."""

    code = "key.not_ours"


class TwoKeysError(BadInputError):
    """What is imported holds more keys or certificates than one import is about."""

    code = "key.several"


class NoPlaceError(BadInputError):
    """A private key was given, and no place to keep it."""

    code = "key.no_place"


class WrongRoleError(BadInputError):
    """The key was made for another role, or nobody said for which."""

    code = "key.wrong_role"


class OtherAuthorityError(BadInputError):
    """The certificate was issued by a CA that leads to no anchor of ours."""

    code = "key.other_ca"


class ProfileError(BadInputError):
    """A verifier would refuse the certificate in that role."""

    code = "key.profile"

    def __init__(self, what: str, deviations: Iterable[Deviation]) -> None:
        self.deviations = tuple(deviations)
        listed = "\n".join(f"  {one.code}: {one.sentence}. {one.remedy}." for one in self.deviations)
        super().__init__(f"{what} would be refused; nothing was changed:\n{listed}")


class NoAuthorityError(BadInputError):
    """No CA of ours can issue that, or several could."""

    code = "key.no_authority"


class WrongKeyStageError(NotAllowedError):
    """The key is not at the stage that this act needs."""

    code = "key.wrong_stage"


class InUseError(NotAllowedError):
    """What is in use cannot be retired."""

    code = "key.in_use"


class RevokedKeyError(NotAllowedError):
    """The certificate, or its issuer's, was revoked; there is no way back."""

    code = "key.revoked"


class NotExportableError(NotAllowedError):
    """The private key was not made to leave its place."""

    code = "key.not_exportable"


class NoRevocationError(BadInputError):
    """What was named cannot be revoked."""

    code = "key.not_revocable"
