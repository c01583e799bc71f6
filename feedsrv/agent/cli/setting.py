"""`feedsrv-agent config`, `set-build` and `sandbox`: what the agent is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from feedsrv.agent.adapters.host import KINDS
from feedsrv.agent.cli.common import Home, pass_home
from feedsrv.agent.inventory import read_build
from feedsrv.agent.sandbox import lay_out
from feedsrv.agent.settings import (
    NAMES,
    AgentSettings,
    AgentSettingsError,
    SettingsFile,
    as_plain,
    known_build,
    write_pool_switch,
)

_SANDBOX_PRODUCT: Final = "exchange-2019"
_SWITCH = click.Choice(["on", "off"])
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True)


@click.command()
@click.option("--server", metavar="URL", help="Where `/v1/` begins, such as https://mitigations.example.")
@click.option("--product", metavar="ID", help="What this server runs, such as exchange-2019.")
@click.option("--channel", metavar="NAME", help="Which feed of it. [default: production]")
@click.option(
    "--anchor", "anchors", type=_EXISTING, multiple=True, help="PEM file of a pinned root; may be repeated."
)
@click.option("--organisation", metavar="NAME", help="The publisher, as the subject of its issuing CAs says.")
@click.option("--policy-oid", metavar="OID", help="A certificate policy that the issuing CA must carry.")
@click.option(
    "--mitigation-eku", metavar="OID", help="Key usage for mitigations, where the publisher has its own."
)
@click.option("--feed-eku", metavar="OID", help="Key usage for feeds, where the publisher has its own.")
@click.option(
    "--crl", "crls", type=_EXISTING, multiple=True, help="File of a revocation list; may be repeated."
)
@click.option(
    "--publisher", metavar="TAG", help="The tag that begins the name of every rule. [default: feedsrv]"
)
@click.option("--adapter", type=click.Choice(KINDS), help="What is changed. [default: iis]")
@click.option(
    "--config-root",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    metavar="FOLDER",
    help="The folder of applicationHost.config.",
)
@click.option("--auto-apply", type=_SWITCH, help="Apply by itself, or only check and report. [default: on]")
@click.option(
    "--pool-file",
    type=click.Path(path_type=Path, dir_okay=False, resolve_path=True),
    metavar="FILE",
    help="A shared file with the pool's own switch; both must be on.",
)
@click.option(
    "--pool-auto-apply", type=_SWITCH, help="Write the pool's switch into its file, for all its servers."
)
@click.option("--proxy", metavar="URL", help="For this agent alone; otherwise the environment's.")
@click.option("--tls-ca", type=_EXISTING, metavar="FILE", help="PEM file of the authorities for TLS.")
@click.option("--timeout", type=int, metavar="SECONDS", help="How long to wait for an answer. [default: 30]")
@click.option(
    "--first-after",
    type=int,
    metavar="SECONDS",
    help="From the start of `run` to its first sync. [default: 600]",
)
@click.option(
    "--adopt-anchors",
    type=_SWITCH,
    help="Trust an announced root once an anchor pinned here vouches for it. [default: on]",
)
@click.option("--unset", multiple=True, metavar="NAME", help="Back to the default; may be repeated.")
@click.option("--json", "json_", is_flag=True, help="Show the settings as JSON.")
@pass_home
def config(
    home: Home,
    /,
    *,
    pool_auto_apply: str | None,
    unset: tuple[str, ...],
    json_: bool,
    **given: Any,  # noqa: ANN401 - click hands each option over in its own type
) -> None:
    """Show what the agent is told, or change it.

    Lists such as --anchor replace what was there, so name all of them.
    """
    file = home.settings_file
    settings = file.load()
    changes = {name: _value(name, value) for name, value in given.items() if value not in (None, ())}
    plain = AgentSettings()
    for name in unset:
        key = name.replace("-", "_")
        if key not in NAMES:
            raise AgentSettingsError(
                f"there is no setting {name!r} to unset: `feedsrv-agent config` shows all"
            )
        changes[key] = getattr(plain, key)
    if changes:
        with home.held():
            settings = replace(file.load(), **changes)
            file.save(settings)
    if pool_auto_apply is not None:
        if settings.pool_file is None:
            raise AgentSettingsError("setting pool_file is missing: name the pool's file with --pool-file")
        write_pool_switch(home.folder / settings.pool_file, auto_apply=pool_auto_apply == "on")
    _show(settings, json_=json_)


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - as above
    if name in ("auto_apply", "adopt_anchors"):
        return value == "on"
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return tuple(str(one) for one in value)
    return value


def _show(settings: AgentSettings, *, json_: bool) -> None:
    fields = as_plain(settings)
    if json_:
        click.echo(json.dumps(fields, indent=1, ensure_ascii=False))
        return
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {_in_words(name, value)}")


def _in_words(name: str, value: object) -> str:
    if name == "exceptions" and isinstance(value, list):
        return f"{len(value)}: `feedsrv-agent exception list` shows them" if value else "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        value = ", ".join(value)
    return "-" if value in (None, "") else str(value)


@click.command("set-build")
@click.argument("build", required=False)
@click.option(
    "--from",
    "source",
    type=_EXISTING,
    help="A text file, or the program whose version resource is the build (such as ExSetup.exe). Read "
    "again at every sync, so that an update is noticed.",
)
@pass_home
def set_build(home: Home, build: str | None, source: Path | None) -> None:
    """Say which build of the product this server runs, or where that can be read."""
    if (build is None) == (source is None):
        raise click.UsageError("give a build, or a file by --from")
    found = known_build(build) if build is not None else read_build(source or Path())
    with home.held():
        settings = home.settings_file.load()
        settings = replace(
            settings,
            build=None if build is None else str(found),
            build_source=None if source is None else str(source),
        )
        home.settings_file.save(settings)
    where = f", read from {source} at every sync" if source is not None else ""
    click.echo(f"this server runs {found}{where}; `feedsrv-agent sync` acts on it at once")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, resolve_path=True))
@click.option("--server", metavar="URL", help="The publisher to poll.")
@click.option(
    "--anchor", "anchors", type=_EXISTING, multiple=True, help="PEM file of its root; copied into the folder."
)
@click.option("--product", default=_SANDBOX_PRODUCT, show_default=True, metavar="ID")
@click.option("--channel", default="production", show_default=True, metavar="NAME")
@click.option("--build", metavar="BUILD", help="What the pretended server runs. [default: 15.2.986.5]")
def sandbox(  # noqa: PLR0913 - one for each option
    *,
    folder: Path,
    server: str | None,
    anchors: tuple[Path, ...],
    product: str,
    channel: str,
    build: str | None,
) -> None:
    """Lay out a pretended IIS server in FOLDER, with an agent for it: `feedsrv-agent --home FOLDER sync`."""
    if build is None and product != _SANDBOX_PRODUCT:
        raise click.UsageError(f"say which build of {product} it runs, by --build")
    wanted = None if build is None else known_build(build)
    pinned = {f"anchor-{n}.pem": path.read_bytes() for n, path in enumerate(anchors, 1)}
    settings = AgentSettings(server=server, product=product, channel=channel, anchors=tuple(pinned))
    laid = lay_out(folder)
    if wanted is not None:
        laid.build_file.write_text(f"{wanted}\n", encoding="utf-8")
    for name, content in pinned.items():
        (folder / name).write_bytes(content)
    settings = replace(
        settings,
        config_root=str(laid.config_root.relative_to(folder)),
        build_source=str(laid.build_file.relative_to(folder)),
    )
    SettingsFile(folder).save(settings)
    click.echo(f"a pretended server lies in {folder}")
    click.echo(f"  its configuration: {laid.config_root}")
    click.echo(f"  its build: {laid.build_file} ({read_build(laid.build_file)})")
    click.echo(f"try: feedsrv-agent --home {folder} sync")
