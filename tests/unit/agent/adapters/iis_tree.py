"""A small IIS configuration tree to change in tests, in any style a file may be written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from feedsrv.agent.adapters.iis_rewrite import IisRewrite
from feedsrv.agent.adapters.iis_server import IisServer
from feedsrv.agent.ports import Target
from feedsrv.model.action import (
    AbortRequest,
    Action,
    Condition,
    InboundRule,
    OutboundRule,
    Place,
    Preconditions,
    Rewrite,
    Scope,
    UrlRewrite,
)

SITE: Final = Place(Scope.SITE, "Default Web Site")
OWA: Final = Place(Scope.APPLICATION, "Default Web Site", "/owa")
SERVER: Final = Place(Scope.SERVER)

DECLARED: Final = """\
        <sectionGroup name="system.webServer">
            <section name="modules" allowDefinition="MachineToApplication" overrideModeDefault="Deny" />
            <sectionGroup name="rewrite">
                <section name="globalRules" overrideModeDefault="Deny" allowDefinition="AppHostOnly" />
                <section name="rules" overrideModeDefault="Allow" />
                <section name="outboundRules" overrideModeDefault="Allow" />
            </sectionGroup>
        </sectionGroup>
"""
HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Kept by the web team; "ask > before" you change it. -->
<configuration>
    <configSections>
{declared}    </configSections>
    <system.applicationHost>
        <applicationPools>
            <add name="OWA" autoStart='true' managedRuntimeVersion="v4.0"/>
            <add
                name="Always"   startMode="AlwaysRunning"
            >
                <processModel identityType="LocalSystem" />
            </add>
            <add name="Plain" />
        </applicationPools>
        <sites>
            <site name="Default Web Site" id="1">
                <application path="/">
                    <virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\wwwroot" />
                    <virtualDirectory path="/pictures" physicalPath="D:\\pictures" />
                </application>
                <application path="/owa" applicationPool="OWA">
                    <virtualDirectory path="/" physicalPath="C:\\Exchange\\owa" />
                </application>
            </site>
            <site name="Back End" id="2">
                <application path="/"><virtualDirectory path="/" physicalPath="C:\\backend" /></application>
            </site>
        </sites>
    </system.applicationHost>
"""
TAIL: Final = """\
</configuration>
"""
PLAIN_SERVER: Final = """\
    <system.webServer>
        <httpErrors lockAttributes="allowAbsolutePathsWhenDelegated,defaultPath">
            <error statusCode="401" path="401.htm" />
        </httpErrors>
    </system.webServer>
"""
FOREIGN: Final = """\
<rule name="Somebody's rule" stopProcessing="true">
                        <match url="(.*)" />  <!-- > everything -->
                        <action type='None'/>
                    </rule>"""


@dataclass(frozen=True, slots=True)
class Tree:
    """A configuration tree on disk."""

    root: Path
    host: Path = field(init=False)

    def __post_init__(self) -> None:
        config_root = self.root / "C" / "Windows" / "System32" / "inetsrv" / "config"
        config_root.mkdir(parents=True)
        object.__setattr__(self, "host", config_root / "applicationHost.config")
        for folder in ("C/inetpub/wwwroot", "C/Exchange/owa", "C/backend", "D/pictures"):
            (self.root / folder).mkdir(parents=True)
        self.write()

    def write(self, body: str = PLAIN_SERVER, *, declared: str = DECLARED) -> bytes:
        """Write `applicationHost.config` with a body of its own; return the bytes."""
        raw = (HEAD.format(declared=declared) + body + TAIL).encode()
        self.host.write_bytes(raw)
        return raw

    def web_config(self, folder: str, body: str) -> Path:
        """Write a web.config into a folder such as `C/Exchange/owa`."""
        path = self.root / folder / "web.config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<configuration>\n{body}\n</configuration>\n", encoding="utf-8")
        return path

    @property
    def server(self) -> IisServer:
        """The server as adapters see it."""
        return IisServer(self.host.parent)

    @property
    def rewrite(self) -> IisRewrite:
        """The adapter for rewrite rules."""
        return IisRewrite(self.server)

    def line_of(self, text: str) -> int:
        """The line of `applicationHost.config` on which a text stands."""
        return self.host.read_bytes().split(text.encode())[0].count(b"\n") + 1


def rules(content: str) -> str:
    """The inside of a web.config with inbound rules."""
    return f"<system.webServer><rewrite><rules>\n{content}\n</rules></rewrite></system.webServer>"


def location(path: str, content: str, attributes: str = "") -> str:
    """A `<location>` with inbound rules."""
    return f"""\
    <location path="{path}"{attributes}>
        <system.webServer>
            <rewrite>
                <rules>
                    {content}
                </rules>
            </rewrite>
        </system.webServer>
    </location>
"""


def inbound(place: Place = SITE, *, pattern: str = ".*", identifier: str = "A1") -> UrlRewrite:
    """A rule that drops requests."""
    asked = Condition("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)")
    rule = InboundRule(pattern, AbortRequest(), conditions=(asked,))
    return UrlRewrite(identifier, "PowerShell - inbound", place, rule)


def outbound(place: Place = OWA, *, identifier: str = "A2") -> UrlRewrite:
    """A rule that changes a response header of pages."""
    pages = Preconditions(
        (Condition("{RESPONSE_CONTENT_TYPE}", "^text/html"), Condition("{REQUEST_URI}", "^/owa/?"))
    )
    rule = OutboundRule(
        "RESPONSE_Content_Security_Policy", "(.*)", Rewrite("{R:1}; x 'none'"), preconditions=pages
    )
    return UrlRewrite(identifier, "OWA CSP - outbound", place, rule)


def target(action: Action, *, mitigation: str = "M0001", ours: bool = False) -> Target:
    """An action as the agent hands it to adapters."""
    return Target(mitigation, 1, action, f"feedsrv {mitigation}.{action.id} rule", ours)
