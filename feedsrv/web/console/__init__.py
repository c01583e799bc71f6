"""The console: pages on which people read, decide, write and publish. One file for each kind of page."""

from __future__ import annotations

from flask import Blueprint

from feedsrv.web.console.assets import assets_blueprint
from feedsrv.web.desk import Desk


def console_blueprints(desk: Desk) -> tuple[Blueprint, ...]:
    """Every page of the console, over what the desk can do."""
    return (assets_blueprint(desk),)
