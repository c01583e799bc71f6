"""What every request to the private surface must pass, and every answer of it carries."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import pytest
from flask import Flask, Response, request
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role
from feedsrv.web import problems
from feedsrv.web.refusals import refusal_page
from feedsrv.web.signin.protection import COOKIE, POLICY, protect, trusted_hosts
from tests.oidc.desk import PASSWORD, SignInDesk, csrf_token, whoami

BROWSER: Final = {"Accept": "text/html"}
OWN: Final = (
    "desk.example.com",
    "DESK.example.com",
    "desk.example.com:443",
    "localhost",
    "localhost:9999",
    "127.0.0.1:8081",
    "[::1]:8081",
)
OTHERS: Final = (
    "evil.example",
    "evil.example:8081",
    "desk.example.com.evil.example",
    "xdesk.example.com",
    "desk.example.com@evil.example",
    "desk.example.com:x",
    "0.0.0.0:9000",
    "127.0.0.1.evil.example",
    "desk.example.com/",
    "desk.example.com\\evil",
    "",
    "[::1",
    "<script>",
    "d\u0435sk.example.com",
)


def an_app(
    *, desk_url: str = "https://desk.example.com", trusted_proxies: int = 0, max_bytes: int = 2000
) -> Flask:
    """An application with nothing but its protection."""
    app = Flask("feedsrv.web", static_folder=None)
    protect(
        app,
        secrets=["new secret", "old secret"],
        desk_url=desk_url,
        binds=("127.0.0.1:8081", "[::1]:8081", "0.0.0.0:9000"),
        trusted_proxies=trusted_proxies,
        max_bytes=max_bytes,
    )
    problems.install(app, page=refusal_page)

    @app.get("/page")
    def page() -> str:
        return "<!DOCTYPE html><title>x</title>"

    @app.get("/whence")
    @app.get("/healthz", endpoint="alive")
    def whence() -> Response:
        return Response(f"{request.remote_addr} {request.url}", mimetype="text/plain")

    @app.post("/form")
    @app.post("/api/form", endpoint="api")
    def form() -> Response:
        return Response(str(sum(map(len, request.form.values()))), mimetype="text/plain")

    return app


def get(app: Flask, path: str, host: str = "desk.example.com", **headers: str) -> TestResponse:
    """Ask for a path; `X_Forwarded_For` is `X-Forwarded-For`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get(path, headers={**BROWSER, **named, "Host": host})


class TestHosts:
    """The names that the service goes by."""

    @pytest.mark.parametrize("host", OWN)
    def test_its_own_are_answered(self, host: str) -> None:
        """On any port: a tunnel may end at any."""
        assert get(an_app(), "/page", host).status_code == 200

    @pytest.mark.parametrize("host", OTHERS)
    def test_others_are_refused_with_what_to_set(self, host: str) -> None:
        """DNS rebinding: another site's name that leads here shows it nothing."""
        answer = get(an_app(), "/page", host)

        assert answer.status_code == 400
        assert "FEEDSRV_DESK_URL" in answer.text
        assert "<script>" not in answer.text.replace("<script src", "")

    def test_a_probe_may_ask_by_any_name_whether_the_process_lives(self) -> None:
        """An orchestrator asks by address; the answer says nothing."""
        assert get(an_app(), "/healthz", "10.1.2.3:8081").status_code == 200

    def test_an_address_for_all_addresses_is_no_name(self) -> None:
        """Bound everywhere, the service still goes by its own names only."""
        assert trusted_hosts("https://desk.example.com", ["0.0.0.0:1", "[::]:1"]) == (
            "desk.example.com",
            "localhost",
            "127.0.0.1",
            "::1",
        )


class TestProxies:
    """Headers that say what a proxy saw."""

    FORGED: Final = {
        "X_Forwarded_For": "203.0.113.9",
        "X_Forwarded_Proto": "https",
        "X_Forwarded_Host": "evil.example",
    }

    def test_without_a_proxy_they_are_believed_in_nothing(self) -> None:
        """Anybody can write them."""
        answer = get(an_app(), "/whence", "localhost", **self.FORGED)

        assert answer.text == "127.0.0.1 http://localhost/whence"
        assert "Strict-Transport-Security" not in answer.headers

    def test_behind_one_proxy_the_last_word_counts(self) -> None:
        """What the client wrote before it does not."""
        answer = get(
            an_app(trusted_proxies=1),
            "/whence",
            "127.0.0.1:8081",
            X_Forwarded_For="203.0.113.9, 198.51.100.7",
            X_Forwarded_Proto="https",
            X_Forwarded_Host="desk.example.com",
        )

        assert answer.text == "198.51.100.7 https://desk.example.com/whence"

    def test_behind_two_the_last_but_one_does(self) -> None:
        """As many are believed as stand there."""
        answer = get(
            an_app(trusted_proxies=2),
            "/whence",
            "localhost",
            X_Forwarded_For="6.6.6.6, 203.0.113.9, 10.0.0.1",
        )

        assert answer.text.startswith("203.0.113.9 ")

    def test_a_forwarded_host_is_held_to_the_same_names(self) -> None:
        """A proxy that passes on whatever it is told opens nothing."""
        answer = get(an_app(trusted_proxies=1), "/whence", "localhost", X_Forwarded_Host="evil.example")

        assert answer.status_code == 400


class TestHeaders:
    """What browsers are told with every answer."""

    def test_a_page_may_load_from_here_and_nowhere_else(self) -> None:
        """No inline script, no inline style, no frame, no other origin."""
        answer = get(an_app(), "/page")

        assert answer.headers["Content-Security-Policy"] == POLICY
        assert "unsafe" not in POLICY
        assert "http" not in POLICY
        assert "frame-ancestors 'none'" in POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(("path", "status"), [("/whence", 200), ("/nothing", 404), ("/form", 405)])
    def test_every_answer_has_them(self, path: str, status: int) -> None:
        """Refusals, too."""
        answer = get(an_app(), path)

        assert answer.status_code == status
        assert "Content-Security-Policy" in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_over_https_browsers_are_to_stay_there(self) -> None:
        """For a year; over plain HTTP nothing of the kind is said."""
        app = an_app(trusted_proxies=1)

        secure = get(app, "/page", X_Forwarded_Proto="https")
        plain = get(app, "/page", "localhost")

        assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Strict-Transport-Security" not in plain.headers


class TestSizes:
    """How much may be sent."""

    @pytest.mark.parametrize("path", ["/form", "/api/form"])
    def test_too_much_is_refused(self, path: str) -> None:
        """Before it is read."""
        answer = an_app().test_client().post(path, data={"a": "x" * 5000}, headers={"Host": "localhost"})

        assert answer.status_code == 413

    @pytest.mark.parametrize("path", ["/form", "/api/form"])
    def test_what_comes_in_pieces_is_refused(self, path: str) -> None:
        """Only its beginning would be read, and half a form taken for a whole one."""
        answer = (
            an_app()
            .test_client()
            .open(
                path,
                method="POST",
                input_stream=BytesIO(b"a=" + b"x" * 5000),
                headers={
                    "Host": "localhost",
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Transfer-Encoding": "chunked",
                },
                environ_overrides={"wsgi.input_terminated": True},
            )
        )

        assert answer.status_code == 411

    def test_too_many_fields_are_refused(self) -> None:
        """However small each of them is."""
        app = an_app(max_bytes=1_000_000)
        body, boundary = b"", b"b"
        for number in range(5001):
            body += b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n' % number

        answer = app.test_client().post(
            "/api/form",
            data=body + b"--" + boundary + b"--\r\n",
            headers={"Host": "localhost", "Content-Type": "multipart/form-data; boundary=b"},
        )

        assert answer.status_code == 413


class TestCookies:
    """The cookie of a sign-in."""

    def test_it_goes_nowhere_else(self) -> None:
        """Secure, for this host alone, out of reach of scripts, and not with other sites' forms."""
        desk = SignInDesk(local=True)
        desk.add("anna", Role.AUTHOR)
        client = desk.client()
        token = csrf_token(client, "/signin")

        answer = client.post("/signin", data={"csrf_token": token, "name": "anna", "password": PASSWORD})

        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert {part.strip() for part in cookie.split(";")[1:]} == {
            "Secure",
            "HttpOnly",
            "SameSite=Lax",
            "Path=/",
        }

    def test_a_secret_may_be_changed_without_signing_anybody_out(self) -> None:
        """The old one is believed for as long as it stands in the file."""
        desk = SignInDesk(local=True)
        desk.add("anna", Role.AUTHOR)
        client = desk.client()
        token = csrf_token(client, "/signin")
        client.post("/signin", data={"csrf_token": token, "name": "anna", "password": PASSWORD})

        desk.app.config.update({"SECRET_KEY": "newer", "SECRET_KEY_FALLBACKS": ["secret of the tests"]})
        kept = whoami(client)
        desk.app.config.update({"SECRET_KEY": "newest", "SECRET_KEY_FALLBACKS": []})

        assert kept is not None
        assert whoami(client) is None

    @pytest.mark.parametrize("path", ["/signin", "/signin?next=/publish"])
    def test_plain_http_beyond_this_machine_is_refused_with_a_page(self, path: str) -> None:
        """Others could read along: no form is shown, and none is taken."""
        desk = SignInDesk(local=True, desk_url="http://desk.example.com")
        desk.add("anna", Role.AUTHOR)
        client = desk.client()

        page = client.get(path, base_url="http://desk.example.com")
        with client.session_transaction(base_url="http://desk.example.com") as session:
            session["csrf_token"] = "0" * 40
        posted = client.post(
            path, data={"name": "anna", "password": PASSWORD}, base_url="http://desk.example.com"
        )

        assert "This connection is not private." in page.text
        assert 'type="password"' not in page.text
        assert posted.status_code == 403

    def test_behind_a_proxy_with_tls_it_is_private(self) -> None:
        """The proxy says that it was asked over HTTPS."""
        desk = SignInDesk(local=True, desk_url="https://desk.example.com", trusted_proxies=1)

        page = desk.client().get(
            "/signin",
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "desk.example.com"},
        )

        assert 'type="password"' in page.text

    @pytest.mark.parametrize(
        ("referrer", "status"),
        [
            ("https://desk.example.com/signin", 303),
            ("https://evil.example/", 403),
            ("https://desk.example.com.evil.example/", 403),
            ("http://desk.example.com/signin", 403),
            (None, 403),
        ],
    )
    def test_over_https_a_form_must_come_from_a_page_of_ours(self, referrer: str | None, status: int) -> None:
        """The token alone does not do: who can write into our traffic elsewhere could have planted it."""
        desk = SignInDesk(local=True, desk_url="https://desk.example.com", trusted_proxies=1)
        desk.add("anna", Role.AUTHOR)
        client = desk.client()
        client.environ_base |= {
            "HTTP_X_FORWARDED_PROTO": "https",
            "HTTP_X_FORWARDED_HOST": "desk.example.com",
            "HTTP_X_FORWARDED_FOR": "198.51.100.7",
        }
        token = csrf_token(client, "/signin")

        answer = client.post(
            "/signin",
            data={"csrf_token": token, "name": "anna", "password": PASSWORD},
            headers={} if referrer is None else {"Referer": referrer},
        )

        assert answer.status_code == status
        assert (whoami(client) is not None) is (status == 303)
