"""The console: pages on which people read, decide, write and publish. One file for each kind of page."""

from __future__ import annotations

from flask import Blueprint

from feedsrv.web.console.assets import assets_blueprint
from feedsrv.web.console.audit import audit_blueprint
from feedsrv.web.console.catalogue import catalogue_blueprint
from feedsrv.web.console.feeds import feeds_blueprint
from feedsrv.web.console.home import home_blueprint
from feedsrv.web.console.keys import keys_blueprint
from feedsrv.web.console.mitigations import mitigations_blueprint
from feedsrv.web.console.notices import notices_blueprint
from feedsrv.web.console.people import people_blueprint
from feedsrv.web.console.publishing import publishing_blueprint
from feedsrv.web.console.reviewing import reviewing_blueprint
from feedsrv.web.console.rollout import rollout_blueprint
from feedsrv.web.console.tokens import tokens_blueprint
from feedsrv.web.console.trying import trying_blueprint
from feedsrv.web.console.updates import updates_blueprint
from feedsrv.web.console.webhooks import webhooks_blueprint
from feedsrv.web.console.writing import writing_blueprint
from feedsrv.web.desk import Desk


def console_blueprints(desk: Desk) -> tuple[Blueprint, ...]:
    """Every page of the console, over what the desk can do."""
    return (
        assets_blueprint(desk),
        home_blueprint(desk),
        mitigations_blueprint(desk),
        reviewing_blueprint(desk),
        publishing_blueprint(desk),
        feeds_blueprint(desk),
        notices_blueprint(desk),
        writing_blueprint(desk),
        trying_blueprint(desk),
        catalogue_blueprint(desk),
        updates_blueprint(desk),
        rollout_blueprint(desk),
        keys_blueprint(desk),
        audit_blueprint(desk),
        people_blueprint(desk),
        tokens_blueprint(desk),
        webhooks_blueprint(desk),
    )
