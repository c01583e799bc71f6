"""The reference pages in docs/ that are made from the code: settings, refusals, commands.

`python -m tests.documents` writes them, `--check` says whether they are out of date; the tests do.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

import feedsrv
from feedsrv import errors
from feedsrv.agent.cli import agent
from feedsrv.cli.main import feedsrv as server
from feedsrv.settings import PREFIX, Settings

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


PAGES: Final = {"refusals.md": refusals_page, "settings.md": settings_page, "commands.md": commands_page}


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
