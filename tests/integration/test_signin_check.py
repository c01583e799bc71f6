"""`feedsrv signin check`: what is wrong with a provider, said before anybody tries."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from feedsrv.cli.main import feedsrv
from feedsrv.clock import now
from tests.oidc.running import CLIENT_ID, CLIENT_SECRET, RealProvider, provider_fixture, running_fixture

FIXTURES = (running_fixture, provider_fixture)  # where pytest finds them


def check(
    provider: RealProvider | None,
    folder: Path,
    *arguments: str,
    secret: str = CLIENT_SECRET,
    standard_input: str | None = None,
    **settings: str,
) -> Result:
    """Run the command with the settings for a provider."""
    environment = {"FEEDSRV_DATA": str(folder), **{f"FEEDSRV_{name}": one for name, one in settings.items()}}
    if provider is not None:
        (folder / "client.secret").write_text(secret + "\n")
        environment |= {
            "FEEDSRV_OIDC_DISCOVERY_URL": environment.get(
                "FEEDSRV_OIDC_DISCOVERY_URL", provider.discovery_url
            ),
            "FEEDSRV_OIDC_CLIENT_ID": CLIENT_ID,
            "FEEDSRV_OIDC_CLIENT_SECRET_FILE": str(folder / "client.secret"),
        }
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        words = ["signin", "check", *arguments]
        return CliRunner(env=environment).invoke(feedsrv, words, input=standard_input)
    finally:
        root.handlers[:], root.level = handlers, level  # the command has its own way to tell people


def test_a_good_provider_is_said_to_be_good(provider: RealProvider, tmp_path: Path) -> None:
    """Every line is in order, and the redirect URI to be registered is named."""
    answer = check(provider, tmp_path)

    assert answer.exit_code == 0, answer.output
    assert "people can sign in" in answer.output
    assert "http://127.0.0.1:8081/signin/callback" in answer.output
    assert "FAILS" not in answer.output
    for what in ("discovery", "addresses", "algorithms", "PKCE", "keys", "clock", "secret", "roles"):
        assert f"{what}: " in answer.output
    assert CLIENT_SECRET not in answer.output


@pytest.mark.parametrize(
    ("orders", "says", "fails"),
    [
        (
            {"discovery": {"issuer": "https://evil.example"}},
            "does not belong to FEEDSRV_OIDC_DISCOVERY_URL",
            True,
        ),
        ({"discovery": {"token_endpoint": "http://evil.example/t"}}, "must begin with https://", True),
        ({"discovery": {"id_token_signing_alg_values_supported": ["none"]}}, "RS256 or ES256", True),
        (
            {"discovery": {"code_challenge_methods_supported": None}},
            "does not say that it supports S256",
            False,
        ),
        ({"discovery": {"claims_supported": ["sub"]}}, "FEEDSRV_OIDC_GROUPS_CLAIM", False),
        ({"discovery": {"scopes_supported": ["openid"]}}, "does not list profile, email", False),
        ({"answers": {"/jwks": {"body": '{"keys": []}'}}}, "no key can be read", True),
        ({"answers": {"/jwks": {"body": "<html>"}}}, "it is not JSON", True),
        ({"answers": {"/token": {"status": 503}}}, "HTTP 503", True),
        (
            {"answers": {"/token": {"status": 400, "body": '{"error": "invalid_request"}'}}},
            "will show when",
            False,
        ),
        ({"answers": {"/.well-known/openid-configuration": {"status": 404}}}, "HTTP 404", True),
    ],
    ids=lambda one: str(one)[:50],
)
def test_what_is_wrong_is_named_with_what_to_do(
    provider: RealProvider, tmp_path: Path, orders: dict[str, object], says: str, *, fails: bool
) -> None:
    """And the exit code says whether anybody could sign in."""
    provider.set(**orders)

    answer = check(provider, tmp_path)

    assert says in answer.output
    assert answer.exit_code == int(fails), answer.output
    assert ("nobody can sign in" in answer.output) is fails


def test_a_wrong_secret_is_found_out_without_anybody_signing_in(
    provider: RealProvider, tmp_path: Path
) -> None:
    """The provider is asked with a code that nobody has, and says what it thinks of our secret."""
    answer = check(provider, tmp_path, secret="wrong")  # noqa: S106 -- it is meant to be

    assert answer.exit_code == 1
    assert "FEEDSRV_OIDC_CLIENT_SECRET_FILE" in answer.output


def test_plain_http_beyond_this_machine_is_named(provider: RealProvider, tmp_path: Path) -> None:
    """Browsers would keep no cookie."""
    answer = check(provider, tmp_path, DESK_URL="http://desk.example.com")

    assert answer.exit_code == 1
    assert "set FEEDSRV_DESK_URL to its https:// address" in answer.output


def test_a_token_shows_who_somebody_would_be_here(provider: RealProvider, tmp_path: Path) -> None:
    """Which claims it has and which roles follow; the token itself is not shown."""
    token = _token(provider, groups=["sec-leads", "choir"])

    answer = check(
        provider,
        tmp_path,
        *("--token-file", "-"),
        standard_input=token,
        OIDC_ROLES="author=sec-authors reviewer=sec-leads publisher=sec-leads",
    )

    assert answer.exit_code == 0, answer.output
    assert "'anna' would have the roles: publisher, reviewer" in answer.output
    assert token not in answer.output


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"aud": "wiki"}, "it was made for"),
        ({"iss": "https://evil.example"}, "names the issuer 'https://evil.example'"),
        ({"groups": ["choir"]}, "would have no role: its groups"),
        ({"groups": None}, "it names no groups"),
        ({"groups": 7}, "is no list of names"),
        ({"preferred_username": None}, "FEEDSRV_OIDC_NAME_CLAIM"),
        ({"exp": 1_000_000_000}, "it has expired"),
        ({"sub": None}, "it lacks sub"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_token_is_named(
    provider: RealProvider, tmp_path: Path, claims: dict[str, object], says: str
) -> None:
    """Whatever an operator looks for."""
    answer = check(provider, tmp_path, "--token-file", "-", standard_input=_token(provider, **claims))

    assert says in answer.output


@pytest.mark.parametrize("token", ["", "x", "eyJhbGciOiJub25lIn0.e30.", "\x00\xff"])
def test_what_is_no_token_is_named(provider: RealProvider, tmp_path: Path, token: str) -> None:
    """Without a traceback."""
    answer = check(provider, tmp_path, "--token-file", "-", standard_input=token)

    assert answer.exit_code == 1
    assert "[signin.bad_token]" in answer.output


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("OIDC_ROLES", "boss=leads", "FEEDSRV_OIDC_ROLES"),
        ("OIDC_ROLES", "author=", "FEEDSRV_OIDC_ROLES"),
        ("OIDC_ROLES", "author", "FEEDSRV_OIDC_ROLES"),
        ("OIDC_SCOPES", "profile", "`openid` must be among them"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    provider: RealProvider, tmp_path: Path, name: str, value: str, says: str
) -> None:
    """Before anybody is asked anything."""
    answer = check(provider, tmp_path, **{name: value})

    assert answer.exit_code == 1
    assert says in answer.output
    assert provider.seen() == []


@pytest.mark.parametrize("secret", ["", "   ", "two\nlines", "x" * 5000])
def test_a_file_without_a_secret_is_named(provider: RealProvider, tmp_path: Path, secret: str) -> None:
    """The file, and what belongs into it."""
    answer = check(provider, tmp_path, secret=secret)

    assert answer.exit_code == 1
    assert "client.secret" in answer.output
    assert "signin.client_secret" in answer.output


def test_without_a_provider_it_says_how_people_sign_in(tmp_path: Path) -> None:
    """With a password, as long as nothing else is set."""
    answer = check(None, tmp_path)

    assert answer.exit_code == 0
    assert "with a password" in answer.output


def _token(provider: RealProvider, **changes: object) -> str:
    at = int(now().timestamp())
    claims: dict[str, object] = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "sub": "anna",
        "preferred_username": "anna",
        "groups": ["author"],
        "iat": at,
        "exp": at + 600,
        **changes,
    }
    return provider.mint({name: value for name, value in claims.items() if value is not None})
