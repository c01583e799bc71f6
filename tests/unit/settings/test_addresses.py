"""The addresses of the private surface, the public URL and other clocks."""

from __future__ import annotations

import os

import pytest

from feedsrv.settings import PREFIX, BadSettingsError, Settings, read_settings


@pytest.fixture(autouse=True)
def _a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def test_the_private_surface_is_of_this_machine_alone_unless_somebody_says_otherwise() -> None:
    """What it shows is nothing for strangers."""
    assert read_settings().private_bind == "127.0.0.1:8081"


def test_without_addresses_nobody_else_is_asked() -> None:
    """A default opens no connection."""
    assert Settings().public_url is None
    assert Settings().clock_urls == ()


def test_a_public_url_may_lie_below_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stroke at its end is the same without."""
    monkeypatch.setenv("FEEDSRV_PUBLIC_URL", "https://example.com:8443/mitigations/")

    assert read_settings().public_url == "https://example.com:8443/mitigations"


def test_several_clocks_are_named_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """With or without blanks."""
    monkeypatch.setenv("FEEDSRV_CLOCK_SOURCES", "https://a.example, https://b.example/x")

    assert read_settings().clock_urls == ("https://a.example", "https://b.example/x")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FEEDSRV_PRIVATE_BIND", "8081"),
        ("FEEDSRV_PUBLIC_URL", "mitigations.example.com"),
        ("FEEDSRV_PUBLIC_URL", "ftp://mitigations.example.com"),
        ("FEEDSRV_PUBLIC_URL", "https://"),
        ("FEEDSRV_PUBLIC_URL", "https://x.example/?a=b"),
        ("FEEDSRV_PUBLIC_URL", "https://x.example/#a"),
        ("FEEDSRV_PUBLIC_URL", "https://x.example:port/"),
        ("FEEDSRV_PUBLIC_URL", "https://x.example/a b"),
        ("FEEDSRV_PUBLIC_URL", "https://[::1"),
        ("FEEDSRV_CLOCK_SOURCES", "http://a.example"),
        ("FEEDSRV_CLOCK_SOURCES", "https://a.example,,https://b.example"),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Plain HTTP is no source of time: whoever stands between could set our clock."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadSettingsError) as refused:
        read_settings()

    assert str(refused.value).startswith(f"{variable} is {value!r}: write ")
    assert "such as" in str(refused.value)


@pytest.mark.parametrize("variable", ["FEEDSRV_PUBLIC_URL", "FEEDSRV_CLOCK_SOURCES"])
def test_a_password_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Refusals go to logs."""
    monkeypatch.setenv(variable, "https://anna:s3cret@x.example")

    with pytest.raises(BadSettingsError) as refused:
        read_settings()

    assert "s3cret" not in str(refused.value)
    assert "https://***@x.example" in str(refused.value)
