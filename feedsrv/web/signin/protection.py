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
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from feedsrv.errors import BadInputError, NotAllowedError
from feedsrv.web.headers import DOCUMENT_SAFETY, NOSNIFF, UNCACHED

# Browsers keep a cookie of this name only where it is Secure, of this host alone and for every path. They
# take http://localhost and http://127.0.0.1 for secure: nobody is on the way to them.
COOKIE: Final = "__Host-feedsrv"

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
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
_PARTS: Final = 5_000
"""Fields of one form; a mitigation with every kind of action has some hundreds."""
_OPEN: Final = "/healthz"
"""Says that the process lives and nothing else; a probe asks for it by address."""
_TOKEN_ONLY: Final = "/api/"
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


def protect(
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
    hosts = trusted_hosts(desk_url, binds)
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
    forms = CSRFProtect(app)

    def check() -> None:
        if request.path == _OPEN:
            return
        if not _goes_by(request.host, hosts):
            raise UntrustedHostError(request.host, hosts)
        if request.path == BACK_CHANNEL or request.path.startswith(_TOKEN_ONLY):
            return
        if request.method in app.config["WTF_CSRF_METHODS"]:
            try:
                forms.protect()
            except CSRFError as error:
                raise ForeignFormError(str(error.description)) from None

    def finish(answer: Response) -> Response:
        for name, value in _headers(answer):
            answer.headers.setdefault(name, value)
        if request.is_secure:
            answer.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}")
        return answer

    app.before_request(check)
    app.after_request(finish)
    if trusted_proxies:
        behind = ProxyFix(
            app.wsgi_app, x_for=trusted_proxies, x_proto=trusted_proxies, x_host=trusted_proxies
        )
        # This is how Flask says that it is to be wrapped.
        app.wsgi_app = behind  # type: ignore[method-assign]


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
    return host_is_trusted(host) and _host(f"//{host}") in names


def keeps_cookies(asked: Request) -> bool:
    """True where a browser would keep our cookie: over HTTPS, or on this very machine."""
    return asked.is_secure or is_loopback(_host(f"//{asked.host}"))


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


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _headers(answer: Response) -> tuple[tuple[str, str], ...]:
    if answer.mimetype == "text/html":
        return (*_EVERYWHERE, ("Content-Security-Policy", POLICY))
    return (*_EVERYWHERE, *DOCUMENT_SAFETY)
