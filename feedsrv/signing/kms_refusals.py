"""What an operator is told when AWS KMS refuses, or is not reached."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from botocore import exceptions

from feedsrv.errors import FeedsrvError
from feedsrv.signing.signer import (
    KeyAwayError,
    KeyExistsError,
    KeyKindError,
    KeyMissingError,
    KeyNotAllowedError,
    SigningError,
)


class KeyDisabledError(SigningError):
    """The key in the service is disabled."""

    code = "signing.key_disabled"


class KeyStateError(SigningError):
    """The key in the service waits for its deletion, or is otherwise not in a state to be used."""

    code = "signing.key_state"


class DeniedError(SigningError):
    """The service knows who asks, and does not let them use this key."""

    code = "signing.denied"


class CredentialsError(SigningError):
    """There are no credentials for the service, or it does not take them."""

    code = "signing.credentials"


class ServiceRefusedError(SigningError):
    """The service refused for a reason of its own."""

    code = "signing.service_refused"


_Line = tuple[type[FeedsrvError], str, str]

_AWAY: Final[_Line] = (KeyAwayError, "the service does not work now ({said})", "try again later")
_BUSY: Final[_Line] = (KeyAwayError, "the service is asked too often ({said})", "try again in a minute")
_STRANGER: Final[_Line] = (
    CredentialsError,
    "the service does not take these credentials ({code})",
    "renew them where the usual AWS chain finds them (role, profile or environment)",
)
_DENIED: Final[_Line] = (
    DeniedError,
    "access is denied ({said})",
    "allow {action} on this key to whoever runs feedsrv, in the key's policy or by IAM",
)
_STATE: Final[_Line] = (
    KeyStateError,
    "the key is not in a state to be used ({said})",
    "where it waits for deletion, cancel that (aws kms cancel-key-deletion) and enable it, or name another",
)

# By the code of the service's answer: the refusal, what happened, what to do.
_ANSWERS: Final[Mapping[str, _Line]] = MappingProxyType(
    {
        "NotFoundException": (
            KeyMissingError,
            "the service has no such key in this region and account",
            "correct the key and region= in the URI, or make the key",
        ),
        "AlreadyExistsException": (
            KeyExistsError,
            "there is such an alias already, and a key is never overwritten",
            "name another alias",
        ),
        "DisabledException": (KeyDisabledError, "the key is disabled", "enable it (aws kms enable-key)"),
        "KMSInvalidStateException": _STATE,
        "InvalidKeyUsageException": (
            KeyNotAllowedError,
            "the key was not made for signing ({said})",
            "make one for SIGN_VERIFY, and name that",
        ),
        "UnsupportedOperationException": (
            KeyKindError,
            "the key cannot sign ({said})",
            "name an asymmetric key for SIGN_VERIFY",
        ),
        "AccessDeniedException": _DENIED,
        "AccessDenied": _DENIED,
        "UnrecognizedClientException": _STRANGER,
        "InvalidClientTokenId": _STRANGER,
        "InvalidSignatureException": _STRANGER,
        "SignatureDoesNotMatch": _STRANGER,
        "IncompleteSignature": _STRANGER,
        "MissingAuthenticationToken": _STRANGER,
        "ExpiredTokenException": _STRANGER,
        "ExpiredToken": _STRANGER,
        "RequestExpired": (
            CredentialsError,
            "the service finds the request too old ({code})",
            "set this machine's clock",
        ),
        "Throttling": _BUSY,
        "ThrottlingException": _BUSY,
        "RequestLimitExceeded": _BUSY,
        "TooManyRequestsException": _BUSY,
        "LimitExceededException": _BUSY,
        "KeyUnavailableException": _AWAY,
        "KMSInternalException": _AWAY,
        "DependencyTimeoutException": _AWAY,
        "InternalFailure": _AWAY,
        "InternalServerError": _AWAY,
        "ServiceUnavailable": _AWAY,
        "ServiceUnavailableException": _AWAY,
    }
)
_NO_CREDENTIALS: Final[_Line] = (
    CredentialsError,
    "no credentials were found, or they cannot be fetched ({code})",
    "give some where the usual AWS chain looks for them (role, profile or environment)",
)
_UNREACHED: Final[_Line] = (
    KeyAwayError,
    "the service is not reached ({code})",
    "see whether this machine may go there, then try again",
)
_UNKNOWN: Final[_Line] = (
    ServiceRefusedError,
    "the service refused ({said})",
    "see what AWS says of that word; trying again will not help",
)


def refusal(error: Exception, *, name: str, action: str) -> FeedsrvError:
    """The refusal for what boto3 raised: back end and key, what happened, what to do.

    What the service says of itself is quoted. What the library says of credentials is not.
    """
    code, said = type(error).__name__, ""
    if isinstance(error, exceptions.ClientError):
        answer = error.response.get("Error", {})
        code = answer.get("Code", "no code")
        said = " ".join(f"{code} {answer.get('Message', '')}".split())[:300]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        line = _ANSWERS.get(code, _AWAY if status >= 500 else _UNKNOWN)
    elif isinstance(error, exceptions.SSLError):
        line, said = _UNKNOWN, "its TLS certificate is not trusted here"
    elif isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        line = _UNREACHED
    elif isinstance(error, _CREDENTIALS):
        line = _NO_CREDENTIALS
    else:
        line, said = _UNKNOWN, code
    kind, happened, remedy = line
    words = {"code": code, "said": said, "action": action}
    return kind(f"{name}: {happened.format(**words)}; {remedy.format(**words)}")


_CREDENTIALS: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.MetadataRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.NoAuthTokenError,
    exceptions.SSOError,
    exceptions.ProfileNotFound,
    exceptions.ConfigParseError,
    exceptions.ConfigNotFound,
    exceptions.InvalidConfigError,
)
