"""`feedsrv signin`: whether people can sign in, asked before they try."""

from __future__ import annotations

from typing import IO

import click

from feedsrv.clock import now
from feedsrv.settings import read_settings
from feedsrv.web.signin.checking import Finding, Verdict, examine
from feedsrv.wsgi.signin import open_provider

_LARGEST = 64 * 1024
"""Bytes of a token."""


@click.group()
def signin() -> None:
    """How people sign in."""


@signin.command()
@click.option(
    "--token-file",
    type=click.File("rb"),
    help="An ID token that the provider gave somebody; what would it say of them here? `-` reads it from "
    "standard input. It is not printed.",
)
def check(token_file: IO[bytes] | None) -> None:
    """Ask the identity provider everything that a sign-in needs, and say what is wrong.

    Ends with 1 where nobody could sign in.
    """
    settings = read_settings()
    provider = open_provider(settings)
    if provider is None:
        passwords = "with a password (`feedsrv user add`)" if settings.has_local_accounts else "by no means"
        click.echo(f"no identity provider is set; people sign in {passwords}")
        raise SystemExit(0 if settings.has_local_accounts else 1)
    token = None if token_file is None else token_file.read(_LARGEST).decode(errors="replace").strip()
    findings = []
    for finding in examine(provider, desk_url=settings.desk, clock=now, token=token):
        findings.append(finding)
        click.echo(_line(finding))
    fails = any(one.verdict is Verdict.BAD for one in findings)
    click.echo("\nnobody can sign in as things stand" if fails else "\npeople can sign in")
    raise SystemExit(int(fails))


def _line(finding: Finding) -> str:
    colour = {Verdict.GOOD: "green", Verdict.WARY: "yellow", Verdict.BAD: "red"}[finding.verdict]
    return f"{click.style(finding.verdict.value.ljust(6), fg=colour)}{finding.what}: {finding.sentence}"
