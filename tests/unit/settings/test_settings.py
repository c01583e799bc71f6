"""The server's settings: what each takes, and how a slip is told."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv.settings import (
    PREFIX,
    BadSettingsError,
    OwnKeys,
    Settings,
    describe,
    host_and_port,
    read_settings,
)

OWN = {
    "FEEDSRV_MITIGATION_SIGNER": "file:/m.pem?chain=/mc.pem",
    "FEEDSRV_FEED_SIGNER": "file:/f.pem?chain=/fc.pem",
    "FEEDSRV_ANCHORS": "/anchors.pem",
    "FEEDSRV_ORGANISATION": "Example Software",
}


@pytest.fixture(autouse=True)
def _a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """The settings of an environment that holds these."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_without_any_variable_everything_lies_in_one_folder() -> None:
    """Whoever sets nothing gets SQLite, files and a development PKI below `.run`."""
    settings = read_settings()

    assert settings.database == f"sqlite:///{Path.cwd()}/.run/feedsrv.sqlite"
    assert settings.shelf_folder == Path(".run/shelf")
    assert settings.development_folder == Path(".run/keys")
    assert settings.own_keys is None


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Compose files and unit files write `NAME=` for what they leave open."""
    assert read(monkeypatch, **{PREFIX + name.upper(): ""}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("FEEDSRV_WORKERS", "many", "a whole number from 1 to 64"),
        ("FEEDSRV_WORKERS", "0", "a whole number from 1 to 64"),
        ("FEEDSRV_WORKERS", "65", "a whole number from 1 to 64"),
        ("FEEDSRV_THREADS", "-1", "a whole number from 1 to 256"),
        ("FEEDSRV_THREADS", "257", "a whole number from 1 to 256"),
        ("FEEDSRV_PUBLISHER", "x" * 65, "1 to 64 characters"),
        ("FEEDSRV_FEED_LIFETIME", "three days", "such as PT1H or P3D"),
        ("FEEDSRV_FEED_LIFETIME", "3600", "such as PT1H or P3D"),
        ("FEEDSRV_FEED_LIFETIME", "PT0S", "from PT1S to P366D"),
        ("FEEDSRV_FEED_LIFETIME", "-P1D", "from PT1S to P366D"),
        ("FEEDSRV_OIDC_ROLES", "boss=leads", "roles are author, reviewer"),
        ("FEEDSRV_OIDC_ROLES", "author=sec author=leads", "each role once"),
        ("FEEDSRV_OIDC_ROLES", " ", "write role=group,group"),
        ("FEEDSRV_FEED_LIFETIME", "P367D", "from PT1S to P366D"),
        ("FEEDSRV_POLL_INTERVAL", "PT0.5S", "from PT1S to P366D"),
        ("FEEDSRV_MAX_REVIEW", "soon", "such as PT1H or P3D"),
        ("FEEDSRV_KEEPER_INTERVAL", "5m", "such as PT1H or P3D"),
        ("FEEDSRV_BIND", "8080", "such as 127.0.0.1:8080"),
        ("FEEDSRV_BIND", "127.0.0.1", "such as 127.0.0.1:8080"),
        ("FEEDSRV_BIND", ":8080", "such as 127.0.0.1:8080"),
        ("FEEDSRV_BIND", "127.0.0.1:http", "such as 127.0.0.1:8080"),
        ("FEEDSRV_BIND", "127.0.0.1:0", "such as 127.0.0.1:8080"),
        ("FEEDSRV_BIND", "127.0.0.1:65536", "such as 127.0.0.1:8080"),
        ("FEEDSRV_BIND", "::1:8080", "[::1]:8080"),
        ("FEEDSRV_BIND", "unix:/run/feedsrv.sock", "such as 127.0.0.1:8080"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, wanted: str
) -> None:
    """Variable, value and remedy stand in one sentence."""
    with pytest.raises(BadSettingsError) as refused:
        read(monkeypatch, **{variable: value})

    assert str(refused.value).startswith(f"{variable} is {value!r}: write ")
    assert wanted in str(refused.value)


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody should have to start three times to learn of three slips."""
    with pytest.raises(BadSettingsError) as refused:
        read(monkeypatch, FEEDSRV_WORKERS="x", FEEDSRV_THREADS="y", FEEDSRV_BIND="z")

    assert all(name in str(refused.value) for name in ("FEEDSRV_WORKERS", "FEEDSRV_THREADS", "FEEDSRV_BIND"))


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("FEEDSRV_DATTA", "did you mean FEEDSRV_DATA?"),
        ("FEEDSRV_MITIGATION_SIGNERS", "did you mean FEEDSRV_MITIGATION_SIGNER?"),
        ("FEEDSRV_XYZZY", "see docs/settings.md"),
    ],
)
def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch, written: str, hint: str) -> None:
    """Otherwise its default would be in force, and nobody would know."""
    with pytest.raises(BadSettingsError) as refused:
        read(monkeypatch, **{written: "1"})

    assert f"there is no setting {written}" in str(refused.value)
    assert hint in str(refused.value)


@pytest.mark.parametrize("theirs", ["FEEDSRV_AS", "FEEDSRV_AGENT_HOME"])
def test_variables_of_the_other_doors_are_left_to_them(monkeypatch: pytest.MonkeyPatch, theirs: str) -> None:
    """A machine may have both the service and an agent."""
    assert read(monkeypatch, **{theirs: "anything"}) == Settings()


@pytest.mark.parametrize("missing", ["FEEDSRV_ANCHORS", "FEEDSRV_ORGANISATION"])
def test_what_agents_know_signers_by_is_set_with_them(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Three of four must not be guessed at."""
    with pytest.raises(BadSettingsError, match=f"set {missing} as well"):
        read(monkeypatch, **{name: value for name, value in OWN.items() if name != missing})


@pytest.mark.parametrize("name", ["FEEDSRV_MITIGATION_SIGNER", "FEEDSRV_FEED_SIGNER"])
def test_a_signer_that_is_not_set_is_not_that_of_a_development_pki(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The register has it, or nobody."""
    settings = read(monkeypatch, **{one: value for one, value in OWN.items() if one != name})

    assert settings.own_keys is not None


def test_whoever_sets_an_organisation_has_keys_in_the_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three forgotten variables of four are no reason to sign with keys of nobody."""
    assert read(monkeypatch, FEEDSRV_ORGANISATION="Example Software").own_keys is not None


def test_all_four_are_keys_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The development PKI is then out of the game."""
    settings = read(monkeypatch, FEEDSRV_DEVELOPMENT_KEYS="/dev-keys", **OWN)

    assert settings.own_keys == OwnKeys(
        "file:/m.pem?chain=/mc.pem", "file:/f.pem?chain=/fc.pem", Path("/anchors.pem"), "Example Software"
    )


@pytest.mark.parametrize(("lifetime", "interval"), [("PT1H", "PT21M"), ("PT10M", None)])
def test_feeds_never_expire_because_the_keeper_looks_too_rarely(
    monkeypatch: pytest.MonkeyPatch, lifetime: str, interval: str | None
) -> None:
    """The keeper has to look in each third of a feed's life."""
    chosen = {"FEEDSRV_FEED_LIFETIME": lifetime} | ({"FEEDSRV_KEEPER_INTERVAL": interval} if interval else {})

    with pytest.raises(BadSettingsError) as refused:
        read(monkeypatch, **chosen)

    assert f"FEEDSRV_FEED_LIFETIME ({lifetime})" in str(refused.value)
    assert f"FEEDSRV_KEEPER_INTERVAL ({interval or 'PT5M'})" in str(refused.value)


def test_spans_are_read_as_they_are_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """ISO 8601, in whole seconds."""
    settings = read(monkeypatch, FEEDSRV_FEED_LIFETIME="P1DT12H", FEEDSRV_KEEPER_INTERVAL="PT30S")

    assert settings.feed_lifetime == timedelta(days=1, hours=12)
    assert settings.keeper_interval == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("bind", "meant"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),  # noqa: S104 -- what a container sets
        ("[::1]:8080", ("::1", 8080)),
        ("feeds.example:443", ("feeds.example", 443)),
    ],
)
def test_an_address_is_host_and_port(bind: str, meant: tuple[str, int]) -> None:
    """IPv6 in brackets, as in a URL."""
    assert host_and_port(bind) == meant


def test_what_is_in_force_is_described_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password of a database stays out of what people paste into tickets."""
    settings = read(monkeypatch, FEEDSRV_DATABASE_URL="postgresql://feedsrv:s3cret@db/feedsrv")

    shown = describe(settings)

    assert shown["FEEDSRV_DATABASE_URL"] == "postgresql://feedsrv:***@db/feedsrv"
    assert "s3cret" not in str(shown)


def test_what_is_in_force_names_every_setting_as_it_would_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed can be set: defaults are shown in force, spans as ISO 8601."""
    shown = describe(read(monkeypatch, FEEDSRV_DATA="/srv/feedsrv"))

    assert set(shown) == {PREFIX + name.upper() for name in Settings.model_fields}
    assert shown["FEEDSRV_SHELF"] == "/srv/feedsrv/shelf"
    assert shown["FEEDSRV_DATABASE_URL"] == "sqlite:////srv/feedsrv/feedsrv.sqlite"
    assert shown["FEEDSRV_DEVELOPMENT_KEYS"] == "/srv/feedsrv/keys"
    assert shown["FEEDSRV_FEED_LIFETIME"] == "P3D"
    again = {name: value for name, value in shown.items() if value}
    assert describe(read(monkeypatch, **again)) == shown


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"FEEDSRV_TIMESTAMP_URL": "http://tsa.example/"}, "FEEDSRV_TIMESTAMP_ANCHORS"),
        ({"FEEDSRV_TIMESTAMP_ANCHORS": "/tsa.pem"}, "FEEDSRV_TIMESTAMP_URL"),
    ],
)
def test_time_stamps_are_set_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], missing: str
) -> None:
    """An authority without a root proves nothing, and a root without an address stamps nothing."""
    with pytest.raises(BadSettingsError, match=f"set {missing} as well"):
        read(monkeypatch, **variables)


@pytest.mark.parametrize("address", ["ftp://tsa.example/", "http://me:secret@tsa.example/", "tsa.example"])
def test_the_authoritys_address_holds_no_secret(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """It would stand in logs and in what `feedsrv settings` prints."""
    with pytest.raises(BadSettingsError, match="FEEDSRV_TIMESTAMP_URL") as refused:
        read(monkeypatch, FEEDSRV_TIMESTAMP_URL=address, FEEDSRV_TIMESTAMP_ANCHORS="/tsa.pem")

    assert "secret" not in str(refused.value)
