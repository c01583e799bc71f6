"""What every request to the private surface must pass, and every answer of it carries.

Cookies, forms of our own alone, hosts, proxies, sizes and headers are settled here, once, for the whole
application. Who somebody is is not asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import LengthRequired
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from feedsrv.errors import BadInputError, NotAllowedError
from feedsrv.web.headers import DOCUMENT_SAFETY, NOSNIFF, UNCACHED

# Browsers keep a cookie of this name only where it is Secure, of this host alone and for every path. They
# take http://localhost and http://127.0.0.1 for secure: nobody is on the way to them.
COOKIE: Final = "__Host-feedsrv"

# Nothing comes from elsewhere, and nothing goes there; no script and no style stands in a page.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_EVERYWHERE: Final = (
    NOSNIFF,
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    # The check of forms reads the referrer of our own pages; strangers are told nothing.
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", UNCACHED),
)
_YEAR: Final = 31_536_000
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PARTS: Final = 5_000
"""Fields of one form; a mitigation with every kind of action has some hundreds."""
_OPEN: Final = "/healthz"
"""Says that the process lives and nothing else; a probe asks for it by address."""
_API: Final = "/api/"
"""The door at which no cookie counts, so that no other site can use one."""
BACK_CHANNEL: Final = "/signin/backchannel-logout"
"""Asked by the provider, which proves itself by its signature and has no cookie."""


class UntrustedHostError(BadInputError):
    """The request names a host that this service does not go by."""

    code = "web.untrusted_host"

    def __init__(self, host: str, known: Sequence[str]) -> None:
        super().__init__(
            f"this service does not go by the name {host[:80]!r}, only by {', '.join(known)}: "
            "set FEEDSRV_DESK_URL to the address that people use"
        )


class ForeignFormError(NotAllowedError):
    """A form without our proof that it is ours: too old, or sent by another site."""

    code = "web.foreign_form"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"nothing was changed: {reason.rstrip('.')}. Go back, load the page again, and send it once more"
        )


def protect(  # noqa: PLR0913 -- what an operator chose, and each named by whoever calls
    app: Flask,
    *,
    secrets: Sequence[str],
    desk_url: str,
    binds: Sequence[str],
    trusted_proxies: int,
    max_bytes: int,
) -> None:
    """Settle cookies, forms, hosts, proxies, sizes and headers of an application.

    The first of `secrets` signs, the others are still accepted. `binds` are the addresses that it listens on.
    """
    app.config.update(
        SECRET_KEY=secrets[0],
        SECRET_KEY_FALLBACKS=list(secrets[1:]),
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=max_bytes,
        MAX_FORM_MEMORY_SIZE=max_bytes,
        MAX_FORM_PARTS=_PARTS,
        # A form is good for as long as the browser's session is: people write for hours.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    names, forms = trusted_hosts(desk_url, binds), CSRFProtect(app)

    def check() -> None:
        _require_host(request, names)
        _require_length(request)
        _require_own_form(request, forms)

    app.before_request(check)
    app.after_request(_with_headers)
    if trusted_proxies:
        count = trusted_proxies
        # This is how Flask says that it is to be wrapped.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def _require_host(asked: Request, names: Sequence[str]) -> None:
    # Another site's name that leads here would let that site read what is shown here.
    if asked.path != _OPEN and not _goes_by(asked.host, names):
        raise UntrustedHostError(asked.host, names)


def _require_length(asked: Request) -> None:
    # Of what comes in pieces only so much is read as is allowed, and half a form is taken for a whole one.
    if asked.content_length is None and "Transfer-Encoding" in asked.headers:
        raise LengthRequired("say how much you send: Content-Length")


def _require_own_form(asked: Request, forms: CSRFProtect) -> None:
    if asked.method in _READING or asked.path in (_OPEN, BACK_CHANNEL) or asked.path.startswith(_API):
        return
    try:
        forms.protect()
    except CSRFError as error:
        raise ForeignFormError(str(error.description)) from None


def _with_headers(answer: Response) -> Response:
    page = (("Content-Security-Policy", POLICY),)
    safety = page if answer.mimetype == "text/html" else DOCUMENT_SAFETY
    for name, value in (*_EVERYWHERE, *safety):
        answer.headers.setdefault(name, value)
    if request.is_secure:
        answer.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}")
    return answer


def trusted_hosts(desk_url: str, binds: Sequence[str]) -> tuple[str, ...]:
    """The names that this service goes by, without ports: a tunnel may end at any.

    >>> trusted_hosts("https://desk.example.com", ["127.0.0.1:8081"])
    ('desk.example.com', 'localhost', '127.0.0.1', '::1')
    """
    named = (_host(desk_url), "localhost", "127.0.0.1", "::1", *(_host(f"//{one}") for one in binds))
    # An address that stands for every address is nobody's name.
    return tuple(dict.fromkeys(one for one in named if one not in ("", "0.0.0.0", "::")))  # noqa: S104 -- left out


def _goes_by(host: str, names: Sequence[str]) -> bool:
    # Without names, the library judges the form alone.
    return host_is_trusted(host) and host_of(host) in names


def keeps_cookies(asked: Request) -> bool:
    """True where a browser would keep our cookie: over HTTPS, or on this very machine."""
    return asked.is_secure or is_loopback(host_of(asked.host))


def is_loopback(host: str) -> bool:
    """True for a name or an address of this very machine.

    >>> [is_loopback(one) for one in ("localhost", "127.0.0.1", "::1", "desk.example.com")]
    [True, True, True, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(host: str) -> str:
    """The name or the address in a Host header, without its port; one that cannot be read has none.

    >>> host_of("desk.example.com:8081"), host_of("[::1]:8081"), host_of("[::1")
    ('desk.example.com', '::1', '')
    """
    try:
        return _host(f"//{host}")
    except ValueError:
        return ""


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
