"""The catalogue: products and their builds, the updates that hold real fixes, and importing the file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from feedsrv.codec.parsing import LIMITS_CATALOGUE
from feedsrv.errors import FeedsrvError
from feedsrv.model.catalogue import Catalogue
from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.refusals import NoCatalogueError
from feedsrv.publishing.workflow import ImportedCatalogue
from feedsrv.web import guard
from feedsrv.web.console.writing import uploaded
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render
from feedsrv.web.problems import told

_IMPORTING: Final = ACTS["catalogue.import"]


def catalogue_blueprint(desk: Desk) -> Blueprint:
    """`/catalogue` and `/catalogue/import`."""
    door = Blueprint("catalogue", __name__)

    @door.get("/catalogue")
    def shown() -> ResponseReturnValue:
        workflow = desk.workflow(guard.require())
        try:
            catalogue = workflow.catalogue()
        except NoCatalogueError:
            catalogue = Catalogue()
        return render(
            "desk/catalogue.html",
            products=tuple(catalogue.products.values()),
            updates=workflow.list_updates(),
        )

    @door.get("/catalogue/import")
    def ask() -> ResponseReturnValue:
        guard.require(_IMPORTING)
        return _page()

    @door.post("/catalogue/import")
    def take_over() -> ResponseReturnValue:
        return _import(desk, guard.require(_IMPORTING))

    return door


def _import(desk: Desk, who: Principal) -> ResponseReturnValue:
    try:
        data, source = uploaded("file", most=LIMITS_CATALOGUE.max_bytes)
        done = desk.workflow(who).import_catalogue(data, source=source, by=who.name)
    except FeedsrvError as refused:
        return _page(refused=refused)
    return _page(done=done)


def _page(
    *, done: ImportedCatalogue | None = None, refused: FeedsrvError | None = None
) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    return render("desk/catalogue_import.html", status=status, done=done, refusal=sentence)
