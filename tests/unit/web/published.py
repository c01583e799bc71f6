"""A small publication, with everything that the page can show."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from feedsrv.clock import to_text
from feedsrv.model.action import (
    AppPool,
    Condition,
    CustomResponse,
    DoNothing,
    InboundRule,
    OutboundRule,
    Place,
    Rewrite,
    Scope,
    Service,
    UrlRewrite,
)
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, Release
from feedsrv.model.feed import Entry, EntryState, Feed, digest_of
from feedsrv.model.mitigation import Affects, Mitigation, Severity, Status
from feedsrv.web.index import make_index
from feedsrv.web.page import page_files

AT: Final = datetime(2026, 5, 20, 9, 30, tzinfo=UTC)
ISSUED: Final = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
CURRENT: Final = "v1/feeds/exchange-2019/production.xml"
ANCHOR: Final = ":".join(["3F", "A9", "0C", "51"] * 8)


def build(text: str) -> Build:
    """A build, as written."""
    return Build.parse(text)


def catalogue() -> Catalogue:
    """Two products, and one update of the first."""
    exchange = Product(
        "exchange-2019",
        "Exchange Server 2019",
        (
            Release(build("15.2.986.5"), "Exchange Server 2019 CU11", date(2021, 9, 28)),
            Release(build("15.2.1118.7"), "Exchange Server 2019 CU12", date(2022, 4, 20)),
            Release(build("15.2.1118.20"), "Exchange Server 2019 CU12 Nov22SU", date(2022, 11, 8)),
        ),
    )
    skype = Product(
        "sfb-2019",
        "Skype for Business Server 2019",
        (Release(build("7.0.2046.123"), "Skype for Business Server 2019", date(2018, 10, 22)),),
    )
    update = CumulativeUpdate(
        "exchange-2019",
        build("15.2.1118.20"),
        "November 2022 security update for CU12",
        date(2022, 11, 8),
        kb="5019758",
        fixes=("CVE-2022-41040",),
    )
    return Catalogue.of((exchange, skype), (update,))


def mitigations() -> tuple[Mitigation, ...]:
    """One fixed, one without a fix, a withdrawn one, an exercise and the heartbeat."""
    return (
        Mitigation(
            "M0001",
            2,
            ISSUED,
            Severity.CRITICAL,
            "Block the server-side request forgery of Autodiscover",
            "Requests to Autodiscover that carry a PowerShell path are answered with 403, before they reach "
            "the back end.",
            date(2026, 9, 1),
            (
                Affects(
                    "exchange-2019",
                    (
                        BuildRange(build("15.2.986.5"), build("15.2.1118.0")),
                        BuildRange(build("15.2.1118.7"), build("15.2.1118.20")),
                    ),
                ),
            ),
            (
                UrlRewrite(
                    "A1",
                    "PowerShell - inbound",
                    Place(Scope.APPLICATION, "Default Web Site", "/Autodiscover"),
                    InboundRule(
                        ".*",
                        CustomResponse(403),
                        conditions=(
                            Condition("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)"),
                        ),
                    ),
                ),
            ),
            vulnerabilities=("CVE-2022-41040", "ACME-2022-7"),
            references=(
                "https://msrc.example/blog/2022/09/customer-guidance-for-reported-zero-day-vulnerabilities/",
                "javascript:alert(1)",
            ),
            change="The November 2022 security update for CU12 holds the fix.",
            known_issues=("Remote PowerShell through Autodiscover stops; use /powershell instead.",),
        ),
        Mitigation(
            "M0002",
            1,
            ISSUED,
            Severity.HIGH,
            "Forbid inline scripts in <Outlook on the web>",
            "Responses get a stricter Content-Security-Policy.",
            date(2026, 7, 1),
            (Affects("exchange-2019", (BuildRange(build("15.2.986.5")),)),),
            (
                UrlRewrite(
                    "A1",
                    "CSP",
                    Place(Scope.APPLICATION, "Default Web Site", "/owa"),
                    OutboundRule(
                        "RESPONSE_Content_Security_Policy", "(.*)", Rewrite("{R:1}; script-src 'self'")
                    ),
                ),
            ),
            vulnerabilities=("CVE-2026-42897",),
            no_fix_yet="The update is being tested; it is expected in June.",
            known_issues=("Printing a calendar does nothing.", "Inline images may stay blank."),
        ),
        Mitigation(
            "M0003",
            2,
            ISSUED,
            Severity.LOW,
            "Stop an old service",
            "It was found harmless.",
            date(2026, 7, 1),
            (Affects("exchange-2019", (BuildRange(build("15.2.986.5")),)),),
            (Service("A1", "MSExchangeOld"),),
            status=Status.WITHDRAWN,
            change="Taken back: the service is not reachable from outside.",
            no_fix_yet="None is needed.",
        ),
        Mitigation(
            "M0009",
            1,
            ISSUED,
            Severity.MEDIUM,
            "Exercise: stop an application pool",
            "For trying out only.",
            date(2026, 7, 1),
            (Affects("exchange-2019", (BuildRange(build("15.2.986.5")),)),),
            (AppPool("A1", "MSExchangeOWACalendarAppPool"),),
            channel="preview",
            no_fix_yet="It is an exercise.",
        ),
        Mitigation(
            "PING1",
            1,
            ISSUED,
            Severity.LOW,
            "Heartbeat",
            "Changes nothing.",
            date(2026, 7, 1),
            (
                Affects("exchange-2019", (BuildRange(build("15.2.986.5")),)),
                Affects("sfb-2019", (BuildRange(build("7.0.2046.123")),)),
            ),
            (DoNothing("A1"),),
            no_fix_yet="There is nothing to fix.",
        ),
    )


def feeds() -> tuple[Feed, ...]:
    """Production of both products, and the preview channel of the first."""
    return (
        feed("sfb-2019", "production", "PING1"),
        feed("exchange-2019", "preview", "M0001", "M0002", "M0009", "PING1"),
        feed("exchange-2019", "production", "M0001", "M0002", "M0003", "PING1"),
    )


def feed(product: str, channel: str, *ids: str) -> Feed:
    """Version 7 of a feed that names these mitigations."""
    newest = {one.id: one for one in mitigations()}
    entries = (_entry(newest[name]) for name in ids)
    return Feed(
        product, channel, 7, ISSUED, ISSUED + timedelta(days=7), digest_of(b"version 6"), tuple(entries)
    )


def _entry(mitigation: Mitigation) -> Entry:
    withdrawn = mitigation.status is Status.WITHDRAWN
    state = EntryState.WITHDRAWN if withdrawn else EntryState.ACTIVE
    return Entry(
        mitigation.id,
        mitigation.revision,
        state,
        digest_of(mitigation.id.encode()),
        4711,
        rollout=25 if mitigation.id == "M0002" else 100,
    )


def lay_out(folder: Path, *, at: datetime = AT, expires: datetime = ISSUED + timedelta(days=7)) -> None:
    """A shelf with one file of every kind, each compressible one with its variant."""
    feed_xml = b'<?xml version="1.0" encoding="UTF-8"?>\n<Feed>' + b"<Entry/>" * 300 + b"</Feed>\n"
    listing = {
        "feeds": [
            {
                "product": "exchange-2019",
                "name": "Exchange Server 2019",
                "channel": "production",
                "version": 7,
                "issued": to_text(ISSUED),
                "expires": to_text(expires),
                "href": "feeds/exchange-2019/production.xml",
                "digest": digest_of(feed_xml),
            }
        ]
    }
    page = make_index(
        publisher="Contoso Product Security",
        catalogue=catalogue(),
        feeds=feeds(),
        mitigations=mitigations(),
        anchors=(ANCHOR,),
        at=at,
    )
    contents = {
        "index.html": page,
        **page_files(),
        "v1/feeds/index.json": json.dumps(listing).encode(),
        "v1/feeds/index.xml": b'<Feeds xmlns="urn:feedsrv:feeds:1"/>\n',
        CURRENT: feed_xml,
        "v1/feeds/exchange-2019/production/7.xml": feed_xml,
        "v1/mitigations/M0001/2.xml": b"<Mitigation>" + b"<Note/>" * 100 + b"</Mitigation>\n",
        "v1/trust/anchors.pem": b"-----BEGIN CERTIFICATE-----\n",
        "v1/trust/policy.json": b"{}\n",
        "v1/trust/crls/root.crl": b"\x30\x03\x02\x01\x01",
        "v1/schemas/feed.xsd": b"<xs:schema/>\n",
        "v1/bundles/exchange-2019/production.zip": b"PK\x05\x06" + bytes(18),
    }
    for path, body in contents.items():
        put(folder, path, body, at=at)


def put(folder: Path, path: str, body: bytes, *, at: datetime = AT) -> None:
    """Put one file on the shelf as the publisher does: the variant first, each by a rename."""
    if not path.endswith((".zip", ".crl")):
        _replace(folder / f"{path}.gz", gzip.compress(body, mtime=0), at)
    _replace(folder / path, body, at)


def _replace(file: Path, body: bytes, at: datetime) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(body)
    os.utime(fresh, (at.timestamp(), at.timestamp()))
    fresh.replace(file)
