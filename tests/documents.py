"""The reference pages in docs/ that are made from the code.

`python -m tests.documents` writes them, `--check` says whether they are out of date; the tests do.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from cryptography.x509 import ObjectIdentifier

import feedsrv
from feedsrv import errors
from feedsrv.agent import events as agent_events
from feedsrv.agent.cli import agent
from feedsrv.cli.main import feedsrv as server
from feedsrv.model.lifecycle import ACTS, FRESH, MOVES
from feedsrv.observability.events import Condition
from feedsrv.publishing.notices.kinds import KINDS
from feedsrv.publishing.watching import events as server_events
from feedsrv.settings import PREFIX, Settings
from feedsrv.trust.profile import (
    CLIENT_AUTH,
    EKU,
    PROFILES,
    SERVER_AUTH,
    TIME_STAMPING,
    CertificateProfile,
    usage_names,
)

DOCS: Final = Path(__file__).parent.parent / "docs"

# Who must act, by branch of the family; the narrowest branch that fits speaks.
BRANCHES: Final[dict[type[errors.FeedsrvError], str]] = {
    errors.NotFoundError: "whoever asked: it does not exist here",
    errors.BadInputError: "whoever wrote or sent it",
    errors.NotAllowedError: "another person, or another step first",
    errors.ConflictError: "look again, then decide",
    errors.RefusedProofError: "the publisher of the document",
    errors.OperatorError: "the operator of this machine",
    errors.UnavailableError: "nobody: try again later",
    errors.FeedsrvError: "see the message",
}


REFUSALS: Final = """\
# Refusals

Every refusal has a stable code: scripts may rely on it. The message beside it says what was got,
what was wanted and what to do. Commands print `error [code]: message` and end with 1; HTTP answers
with problem details.

| code | what it says | who must act |
|---|---|---|
"""

SETTINGS: Final = """\
# Settings

Read from the environment when a process starts. A name that does not exist, or a value that cannot
be used, is refused at once. Spans are ISO 8601, such as `PT1H` or `P3D`. Keys and passphrases are
named by path and never stand in a variable. `feedsrv settings` prints what is in force.

`FEEDSRV_AS` says who acts, where `--as` is not given; otherwise it is the name of the account.

| variable | what it is | default |
|---|---|---|
"""


EVENTS: Final = """\
# Events

Numbered, so that whoever watches a log can act on a number. A condition has two: one when it begins, and
the next when it ends, however often it was looked at in between. The line at the begin holds the cause
and the resolution below, and a detail that names the failing step or the certificate; what worked and
what failed in one attempt is one event. Numbers are never moved or used again.
"""

CERTIFICATES: Final = """\
# Certificates

One profile, by which certificates are requested, issued, linted and verified. `feedsrv key lint CERT
--role ROLE` holds a certificate against it and explains every deviation. A publisher with object
identifiers of its own has those in the place of ours.

| role | `--role` | key usage | extended key usage | CAs below | longest life | RSA, bits | curves |
|---|---|---|---|---|---|---|---|
"""

IDENTIFIERS: Final = """
| extended key usage | object identifier |
|---|---|
"""

LIFECYCLE: Final = """\
# Lifecycle

One table, which console, API and command line go by. Where a verb stands in no row of a stage, it is
refused. A verb with a star needs, at the console, a sign-in of a short while ago (`FEEDSRV_FRESH_SPAN`).
Superseded and withdrawn are worked out: what was published stays what it was.

| from | verb | to | whose act |
|---|---|---|---|
"""

ACTS_TABLE: Final = """
Acts that move no revision:

| act | whose |
|---|---|
"""

NOTICES: Final = """\
# Notices

What people are told of, at the console and by webhook. An alarm stands on every page until it is settled.

| kind | what happened | weight |
|---|---|---|
"""

CONDITIONS: Final = """
| begins | ends | name | what is the case | cause | resolution |
|---|---|---|---|---|---|
"""

SINGLE: Final = """
| number | name | what happened |
|---|---|---|
"""


def refusals() -> Iterator[type[errors.FeedsrvError]]:
    """Every refusal in the package that has a code of its own."""
    for module in pkgutil.walk_packages(feedsrv.__path__, "feedsrv."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    pending = [errors.FeedsrvError]
    while pending:
        refusal = pending.pop()
        pending.extend(refusal.__subclasses__())
        if "code" in vars(refusal) and refusal not in BRANCHES and refusal.__module__.startswith("feedsrv."):
            yield refusal


def refusals_page() -> str:
    """`docs/refusals.md`."""
    rows: dict[str, str] = {}
    for refusal in refusals():
        branch = next(text for kind, text in BRANCHES.items() if issubclass(refusal, kind))
        promise = (inspect.getdoc(refusal) or "").partition("\n\n")[0].replace("\n", " ")
        rows[refusal.code] = f"| `{refusal.code}` | {promise} | {branch} |"
    return REFUSALS + "".join(f"{rows[code]}\n" for code in sorted(rows))


def settings_page() -> str:
    """`docs/settings.md`."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {field.description} | {_default(field.default)} |"
        for name, field in Settings.model_fields.items()
    ]
    return SETTINGS + "".join(f"{row}\n" for row in rows)


def commands_page() -> str:
    """`docs/commands.md`."""
    lines = ["# Commands", "", "What `--help` prints, for each command.", ""]
    for root, name in ((server, "feedsrv"), (agent, "feedsrv-agent")):
        lines += [f"## {name}", ""]
        for context in _walk(click.Context(root, info_name=name, terminal_width=96, max_content_width=96)):
            lines += [f"### {context.command_path}", "", "```", context.get_help(), "```", ""]
    return "\n".join(lines)


def events_page() -> str:
    """`docs/events.md`."""
    return "".join(
        [
            EVENTS,
            "\n## Agent\n",
            CONDITIONS,
            *map(_condition, agent_events.TABLE),
            "\nSingle acts, which begin and end nothing:\n",
            SINGLE,
            *(f"| {act.number} | `{act.name}` | {act.summary} |\n" for act in agent_events.ACTS),
            "\n## Server\n\n",
            "`feedsrv doctor` asks the same questions; a check that is critical has a number of its own.\n",
            CONDITIONS,
            *map(_condition, server_events.TABLE),
        ]
    )


def _condition(one: Condition) -> str:
    return f"| {one.begins} | {one.ends} | `{one.name}` | {one.summary} | {one.cause} | {one.resolution} |\n"


def certificates_page() -> str:
    """`docs/certificates.md`."""
    names = {oid: f"{kind} signing" for kind, oid in EKU.items()} | {
        SERVER_AUTH: "server authentication",
        CLIENT_AUTH: "client authentication",
        TIME_STAMPING: "time stamping",
    }
    rows = [
        f"| {role.value} | `{role.slug}` | {usage_names(profile.key_usage)} | {_usages(profile, names)} "
        f"| {'no CA' if profile.path_length is None else profile.path_length} "
        f"| {profile.lifetime.days} days | {' to '.join(map(str, profile.rsa_bits))} "
        f"| {', '.join(str(curve.name) for curve in profile.curves)} |\n"
        for role, profile in PROFILES.items()
    ]
    identifiers = [f"| {name} | `{oid.dotted_string}` |\n" for oid, name in names.items()]
    return "".join([CERTIFICATES, *rows, IDENTIFIERS, *identifiers])


def lifecycle_page() -> str:
    """`docs/lifecycle.md`."""
    moves = [
        f"| {stage} | {verb}{'*' if verb in FRESH else ''} | {step.to} | {step.role} |\n"
        for (stage, verb), step in MOVES.items()
    ]
    acts = [f"| {act} | {role} |\n" for act, role in ACTS.items()]
    return "".join([LIFECYCLE, *moves, ACTS_TABLE, *acts])


def notices_page() -> str:
    """`docs/notices.md`."""
    return NOTICES + "".join(f"| `{name}` | {one.summary} | {one.weight} |\n" for name, one in KINDS.items())


def _usages(profile: CertificateProfile, names: Mapping[ObjectIdentifier, str]) -> str:
    wanted = ", ".join(sorted(names[oid] for oid in profile.extended_key_usage)) or "none"
    return f"{wanted}, critical" if profile.extended_critical else wanted


PAGES: Final = {
    "refusals.md": refusals_page,
    "settings.md": settings_page,
    "commands.md": commands_page,
    "events.md": events_page,
    "certificates.md": certificates_page,
    "lifecycle.md": lifecycle_page,
    "notices.md": notices_page,
}


def _walk(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None and not command.hidden:
                yield from _walk(
                    click.Context(
                        command, parent=context, info_name=name, terminal_width=96, max_content_width=96
                    )
                )


def _default(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return f"`{_iso(value)}`"
    return f"`{value}`"


def _iso(span: timedelta) -> str:
    if span % timedelta(days=1) == timedelta(0):
        return f"P{span.days}D"
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if amount]
    return "PT" + "".join(parts)


def main() -> None:
    """Write every page, or with `--check` name those that are out of date."""
    if sys.argv[1:] != ["--check"]:
        for name, page in PAGES.items():
            (DOCS / name).write_text(page(), encoding="utf-8")
        return
    stale = [name for name, page in PAGES.items() if (DOCS / name).read_text(encoding="utf-8") != page()]
    if stale:
        raise SystemExit(f"out of date in docs/: {', '.join(stale)}; run `make docs`")


if __name__ == "__main__":
    main()
