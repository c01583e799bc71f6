"""`feedsrv-agent test`: the whole path to the publisher, and the step that fails."""

from __future__ import annotations

import json

import click

from feedsrv.agent.cli.common import Home, pass_home, tell
from feedsrv.agent.connectivity import PathTest
from feedsrv.agent.state import AgentState
from feedsrv.agent.state_file import AgentStateError
from feedsrv.agent.steps import STEPS
from feedsrv.clock import now


@click.command("test")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@pass_home
@click.pass_context
def test(context: click.Context, home: Home, *, as_json: bool) -> None:
    """Test the whole path to the publisher, and name the step that fails.

    Goes through settings, connection, TLS, HTTP, revocation lists, the document, its signature,
    chain, key usage, issuer, revocation and freshness, and opens every mitigation. Changes and
    remembers nothing.
    """
    settings = home.settings_file.load()
    try:
        state: AgentState | None = home.state_file.load()
    except AgentStateError as trouble:
        click.echo(f"warning [{trouble.code}]: {trouble}", err=True)
        state = None  # the path can be tested all the same
    steps = PathTest(settings, home.folder, state, lambda: home.source(settings), now()).run()
    problems = [step.problem for step in steps if step.problem is not None]
    if as_json:
        rows = [
            {"step": one.name, "ok": one.problem is None, "code": one.problem.code if one.problem else None,
             "detail": one.detail} for one in steps
        ]  # fmt: skip
        click.echo(json.dumps({"ok": not problems, "steps": rows}, indent=1))
    else:
        width = max(len(name) for name in STEPS)
        for step in steps:
            click.echo(f"{'FAILED' if step.problem else 'ok':<7}{step.name:<{width}}  {step.detail}")
        for name in STEPS[len(steps) :]:
            click.echo(f"{'-':<7}{name:<{width}}  not reached")
        result = f"Failed at: {steps[-1].name}." if problems else "Success."
        click.echo(f"Result: {result}")
    if tell(problems):
        context.exit(1)
