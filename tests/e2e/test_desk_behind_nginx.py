"""The desk behind a real proxy with TLS, by the documented sample: who is believed, and what is told."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.web.signin.protection import COOKIE
from tests.commands import Service, new_service
from tests.e2e.web_servers import Answer, adapted, free_port, nginx_with
from tests.oidc.desk import PASSWORD
from tests.oidc.serving import add_person, private_surface

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="missing on this machine: nginx"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="missing on this machine: openssl"),
]

SAMPLE: Final = Path(__file__).parents[2] / "docs" / "deploy" / "nginx-desk.conf"
NAME: Final = "desk.example.com"
FORM: Final = re.compile(rb'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Proxy:
    """Where nginx listens, and whose certificate it shows."""

    port: int
    certificate: Path

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        """One request over TLS, whose certificate is held against the name."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False  # it is reached by its address here, and asked for by its name
        connection = HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        sent = {"Host": NAME, **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            connection.request(method, path, body.encode() or None, sent)
            answer = connection.getresponse()
            return Answer(answer.status, tuple(answer.getheaders()), answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Real nginx with the sample, before a private surface that is told of it."""
    home = tmp_path_factory.mktemp("nginx")
    certificate, key = home / "desk.pem", home / "desk.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    made = new_service(home)
    service = Service(made.data, {"FEEDSRV_DESK_URL": f"https://{NAME}", "FEEDSRV_TRUSTED_PROXIES": "1"})
    add_person(service, "anna", Role.ADMINISTRATOR, Role.AUTHOR)
    behind, port = free_port(), free_port()
    site = adapted(
        SAMPLE,
        {
            "server 127.0.0.1:8081;": f"server 127.0.0.1:{behind};",
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "/etc/nginx/desk.pem;": f"{certificate};",
            "/etc/nginx/desk.key;": f"{key};",
        },
    )
    with (
        private_surface(service, behind, home / "desk.log"),
        nginx_with(site, home, port, ready=False),
    ):
        found = Proxy(port, certificate)
        _until_it_listens(found)
        yield found


def _until_it_listens(proxy: Proxy) -> None:
    ends = time.monotonic() + 20
    while True:
        try:
            proxy.ask("GET", "/healthz")
        except OSError:
            assert time.monotonic() < ends, "nginx does not listen"
            time.sleep(0.05)  # between two tries
        else:
            return


def test_people_sign_in_over_tls_and_browsers_are_told_to_stay_there(proxy: Proxy) -> None:
    """The cookie is for this host and TLS alone; no page is framed, stored or shown by plain HTTP later."""
    page = proxy.ask("GET", "/signin", Accept="text/html")
    token = FORM.search(page.body)
    assert token is not None
    answer = proxy.ask(
        "POST",
        "/signin",
        urlencode({"csrf_token": token[1].decode(), "name": "anna", "password": PASSWORD}),
        Content_Type="application/x-www-form-urlencoded",
        Referer=f"https://{NAME}/signin",
        Cookie=page.one("Set-Cookie").partition(";")[0],
    )
    home = proxy.ask("GET", "/", Accept="text/html", Cookie=answer.one("Set-Cookie").partition(";")[0])

    assert (page.status, answer.status, home.status) == (200, 303, 200)
    name, _, attributes = answer.one("Set-Cookie").partition("=")
    assert name == COOKIE
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {one.strip() for one in attributes.split(";")}
    assert home.one("Strict-Transport-Security").startswith("max-age=")
    assert "frame-ancestors 'none'" in home.one("Content-Security-Policy")
    assert home.one("Cache-Control") == "no-store"
    assert b"anna" in home.body


def test_other_names_are_refused_and_nobody_is_led_to_them(proxy: Proxy) -> None:
    """Neither by the host's name nor by a header that says another."""
    other = proxy.ask("GET", "/signin", Host="evil.example.com")
    said = proxy.ask("GET", "/", Accept="text/html", X_Forwarded_Host="evil.example.com")

    assert other.status == 400
    assert said.status in {302, 303}
    assert "evil" not in said.one("Location")


def test_nobody_comes_by_the_proxy_as_a_program_of_this_machine(proxy: Proxy) -> None:
    """Nginx asks from this machine, and says for whom."""
    for path in ("/status", "/status.json", "/metrics"):
        assert proxy.ask("GET", path, Accept="application/json").status == 401
    assert proxy.ask("GET", "/healthz").status == 200


def test_whoever_guesses_is_counted_whatever_address_they_say_they_have(proxy: Proxy) -> None:
    """The last address is the proxy's word; what a visitor wrote before it is nobody's."""
    answers = [
        proxy.ask(
            "GET",
            "/api/v1/mitigations",
            Authorization=f"Bearer fst_guess{number}",
            X_Forwarded_For=f"198.51.100.{number}",
            Forwarded=f"for=198.51.100.{number}",
        ).status
        for number in range(34)
    ]

    assert answers[0] == 401
    assert answers[-1] == 429
