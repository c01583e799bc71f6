"""`feedsrv-agent`: the group that all commands hang on, and the entry point."""

from __future__ import annotations

from pathlib import Path

import click

from feedsrv.agent.cli.anchoring import trust
from feedsrv.agent.cli.common import HOME_VARIABLE, Home, Refusing, default_home
from feedsrv.agent.cli.excepting import exception
from feedsrv.agent.cli.path import test
from feedsrv.agent.cli.setting import config, sandbox, set_build
from feedsrv.agent.cli.standing import list_, restore
from feedsrv.agent.cli.status import status
from feedsrv.agent.cli.switching import block, remove, repair, unblock
from feedsrv.agent.cli.syncing import run, sync
from feedsrv.agent.cli.verifying import verify


@click.group(cls=Refusing, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=HOME_VARIABLE,
    help=f"The agent's folder. [env: {HOME_VARIABLE}; default: /var/lib/feedsrv-agent, on Windows "
    r"%ProgramData%\feedsrv-agent]",
)
@click.version_option(package_name="feedsrv", message="%(prog)s %(version)s")
@click.pass_context
def agent(context: click.Context, home: Path | None) -> None:
    """Fetch emergency mitigations for this server, apply them, and take them back once it has the fix.

    Exit codes: 0 done, 1 refused or something went wrong (standard error says `error [code]: sentence`),
    2 wrong usage.
    """
    context.obj = Home((home or default_home()).absolute())


for command in (
    block,
    config,
    exception,
    list_,
    remove,
    repair,
    restore,
    run,
    sandbox,
    set_build,
    status,
    sync,
    test,
    trust,
    unblock,
    verify,
):
    agent.add_command(command)


def main() -> None:
    """Entry point."""
    agent(prog_name="feedsrv-agent")
