"""Good documents to spoil, and what the tests of refusals share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from feedsrv.codec.authoring import read_draft
from feedsrv.model.mitigation import Draft

AT: Final = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
DIGEST: Final = "sha256-47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

DRAFT: Final = """\
<Mitigation xmlns="urn:feedsrv:authoring:1" id="M0001" severity="critical">
  <Title>Block a server-side request forgery</Title>
  <Description>Requests that name
    autodiscover and PowerShell are dropped.</Description>
  <Vulnerability id="CVE-2022-41040"/>
  <Reference href="https://example.org/advisory"/>
  <ReviewWithin days="60"/>
  <Affects product="exchange-2019">
    <Range introduced="15.2.221.12" fixed="15.2.986.36"/>
  </Affects>
  <Actions>
    <UrlRewrite id="A1" name="PowerShell - inbound">
      <Site name="Default Web Site"/>
      <Inbound pattern=".*">
        <Conditions>
          <Condition input="{UrlDecode:{REQUEST_URI}}" pattern="(?=.*autodiscover)(?=.*powershell)"/>
        </Conditions>
        <AbortRequest/>
      </Inbound>
    </UrlRewrite>
  </Actions>
  <Samples>
    <MustBlock name="plain" url="/autodiscover/x?powershell"/>
    <MustPass name="mail" url="/owa/" action="A1"/>
  </Samples>
</Mitigation>
"""

MITIGATION: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<Mitigation xmlns="urn:feedsrv:mitigation:1" id="PING1" revision="1" issued="2026-05-14T12:30:00Z" \
severity="low" status="active" channel="production">
  <Title>Heartbeat</Title>
  <Description>Changes nothing.</Description>
  <ReviewBy>2026-08-01</ReviewBy>
  <NoFixYet>There is nothing to fix.</NoFixYet>
  <Affects product="exchange-2019">
    <Range introduced="15.2.221.12"/>
  </Affects>
  <Actions>
    <DoNothing id="A1"/>
  </Actions>
</Mitigation>
"""

FEED: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<Feed xmlns="urn:feedsrv:feed:1" product="exchange-2019" channel="production" version="1" \
issued="2026-05-14T12:30:00Z" expires="2026-05-16T12:30:00Z">
  <Poll interval="3600" jitter="3600"/>
  <Entry id="M0001" revision="2" state="active" digest="{DIGEST}" size="5000" href="mitigations/M0001/2.xml">
    <Rollout percent="100"/>
  </Entry>
  <Entry id="PING1" revision="1" state="active" digest="{DIGEST}" size="5000" href="mitigations/PING1/1.xml">
    <Rollout percent="100"/>
  </Entry>
</Feed>
"""

CATALOGUE: Final = """\
<Catalogue xmlns="urn:feedsrv:catalogue:1">
  <Product id="exchange-2019" name="Exchange Server 2019" supportedUntil="2025-10-14">
    <Release build="15.2.221.12" name="RTM" date="2018-10-22"/>
    <Release build="15.2.986.36" name="CU11 Nov22SU" date="2022-11-08"/>
    <CumulativeUpdate build="15.2.986.36" name="CU11 Nov22SU" date="2022-11-08" kb="KB5019758">
      <Fixes id="CVE-2022-41040"/>
      <Needless id="M0001"/>
    </CumulativeUpdate>
  </Product>
</Catalogue>
"""

SIGNATURE: Final = (
    '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/></ds:Signature>'
)


def read(document: str | bytes) -> Draft:
    """Read a draft as the first revision."""
    data = document if isinstance(document, bytes) else document.encode()
    return read_draft(data, revision=1, issued=AT, source="M0001.xml")


def instead(document: str, old: str, new: str) -> str:
    """The document with one thing changed; the thing must be there."""
    assert document.count(old) >= 1
    return document.replace(old, new, 1)
