"""A pretended server on disk: a realistic IIS configuration tree, to watch the agent at work.

It looks like a mail server with Exchange on it: its sites, applications and pools, a few rewrite
rules of other people, `web.config` files of the product, and a file that says which build it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feedsrv.agent.adapters.host import STATE_FILE
from feedsrv.agent.adapters.pretended_machine import PretendedMachine, PretendedService, write_machine
from feedsrv.agent.ports import AdapterError

BUILD: Final = "15.2.986.5"
_EXCHANGE: Final = r"C:\Program Files\Microsoft\Exchange Server\V15"
_FRONT_END: Final = {
    "owa": "MSExchangeOWAAppPool",
    "owa/Calendar": "MSExchangeOWACalendarAppPool",
    "ecp": "MSExchangeECPAppPool",
    "Autodiscover": "MSExchangeAutodiscoverAppPool",
    "PowerShell": "MSExchangePowerShellFrontEndAppPool",
    "EWS": "MSExchangeServicesAppPool",
    "mapi": "MSExchangeMapiFrontEndAppPool",
    "OAB": "MSExchangeOABAppPool",
    "Microsoft-Server-ActiveSync": "MSExchangeSyncAppPool",
    "Rpc": "MSExchangeRpcProxyFrontEndAppPool",
}
_BACK_END_POOLS: Final = {
    "PowerShell": "MSExchangePowerShellAppPool",
    "mapi": "MSExchangeMapiMailboxAppPool",
    "Rpc": "MSExchangeRpcProxyAppPool",
}
_SERVICES: Final = {
    "MSExchangeADTopology": PretendedService(dependents=["MSExchangeTransport", "MSExchangeMitigation"]),
    "MSExchangeTransport": PretendedService(),
    "MSExchangeMitigation": PretendedService(),
    "MSExchangeUM": PretendedService(),
    "MSExchangePop3": PretendedService(state=1, start="demand"),
    "MSExchangeImap4": PretendedService(state=1, start="demand"),
    "MSExchangeHM": PretendedService(start="delayed-auto"),
    "W3SVC": PretendedService(),
    "WAS": PretendedService(start="demand", dependents=["W3SVC"]),
}


class FolderTakenError(AdapterError):
    """A sandbox is only laid out in a folder that is new or empty; nothing was written."""

    code = "agent.sandbox_taken"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where things lie in a sandbox."""

    folder: Path
    config_root: Path
    """Holds `applicationHost.config`."""
    build_file: Path
    """Holds the product's build, as text."""
    state_file: Path
    """Which pools and services run, as JSON."""


def sandbox_at(folder: Path) -> Sandbox:
    """Say where things lie in a sandbox laid out in `folder`."""
    return Sandbox(
        folder=folder,
        config_root=folder / "C" / "Windows" / "System32" / "inetsrv" / "config",
        build_file=folder / "product-build.txt",
        state_file=folder / STATE_FILE,
    )


def lay_out(folder: Path, *, build: str = BUILD) -> Sandbox:
    """Lay out a sandbox in a folder that is new or empty.

    Raises:
        FolderTakenError: something lies there.
        AdapterError: it cannot be written.
    """
    sandbox = sandbox_at(folder)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FolderTakenError(f"{folder} is not an empty folder: name a new one for the sandbox")
        _write(sandbox.config_root / "applicationHost.config", _application_host())
        _write(folder / "C/inetpub/wwwroot/web.config", _SITE_WEB_CONFIG)
        for name in _FRONT_END:
            _write(_folder(folder, _front_end_path(name)) / "web.config", _web_config(name))
            _write(_folder(folder, _back_end_path(name)) / "web.config", _web_config(name))
        sandbox.build_file.write_text(f"{build}\n", encoding="utf-8")
        write_machine(PretendedMachine(dict.fromkeys(_pools(), "Started"), _SERVICES), sandbox.state_file)
    except OSError as error:
        raise AdapterError(f"{folder}: the sandbox cannot be written ({error.strerror or error})") from None
    return sandbox


def _write(path: Path, text: str) -> None:
    """Write a file as IIS does: a byte order mark, and CRLF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\N{ZERO WIDTH NO-BREAK SPACE}" + text).replace("\n", "\r\n").encode("utf-8"))


def _folder(root: Path, physical: str) -> Path:
    return root.joinpath(*physical.replace(":", "").split("\\"))


def _front_end_path(name: str) -> str:
    return _below(rf"{_EXCHANGE}\FrontEnd\HttpProxy", name)


def _back_end_path(name: str) -> str:
    return _below(rf"{_EXCHANGE}\ClientAccess", name)


def _below(folder: str, name: str) -> str:
    return "\\".join([folder, *name.lower().split("/")])


def _pools() -> list[str]:
    return sorted({"DefaultAppPool", *_FRONT_END.values(), *_BACK_END_POOLS.values()})


def _application(path: str, pool: str, physical: str) -> str:
    return (
        f'                <application path="{path}" applicationPool="{pool}">\n'
        f'                    <virtualDirectory path="/" physicalPath="{physical}" />\n'
        "                </application>\n"
    )


def _application_host() -> str:
    pools = "".join(
        f'            <add name="{name}" autoStart="true" managedRuntimeVersion="v4.0">\n'
        '                <processModel identityType="LocalSystem" loadUserProfile="true" />\n'
        "            </add>\n"
        for name in _pools()
        if name != "DefaultAppPool"
    )
    front = "".join(
        _application(f"/{name}", pool, _front_end_path(name)) for name, pool in _FRONT_END.items()
    )
    back = "".join(
        _application(f"/{name}", _BACK_END_POOLS.get(name, pool), _back_end_path(name))
        for name, pool in _FRONT_END.items()
    )
    return _APPLICATION_HOST.format(pools=pools, front_end=front, back_end=back)


def _web_config(name: str) -> str:
    return _WEB_CONFIG.format(name=name)


_WEB_CONFIG: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<!-- {name}: written by the product's setup; an update writes it anew. -->
<configuration>
  <system.web>
    <compilation debug="false" defaultLanguage="c#" />
    <httpRuntime maxRequestLength="35000" requestPathInvalidCharacters="" />
  </system.web>
  <system.webServer>
    <modules>
      <remove name="WebDAVModule" />
    </modules>
  </system.webServer>
</configuration>
"""

_SITE_WEB_CONFIG: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<configuration>
    <system.webServer>
        <rewrite>
            <rules>
                <!-- Ours since 2019: people type the bare name. Ask the web team before changing it. -->
                <rule name="Send the root to OWA" stopProcessing="true">
                    <match url="^$" />
                    <action type="Redirect" url="/owa/" redirectType="Found" />
                </rule>
            </rules>
        </rewrite>
    </system.webServer>
</configuration>
"""

_APPLICATION_HOST: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!--

    IIS configuration sections.

    For schema documentation, see
    %windir%\\system32\\inetsrv\\config\\schema\\IIS_schema.xml.

    Please make a backup of this file before making any changes to it.

-->

<configuration>

    <configSections>
        <sectionGroup name="system.applicationHost">
            <section name="applicationPools" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
            <section name="log" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
            <section name="sites" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
            <section name="webLimits" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
        </sectionGroup>

        <sectionGroup name="system.webServer">
            <section name="defaultDocument" overrideModeDefault="Allow" />
            <section name="globalModules" allowDefinition="AppHostOnly" overrideModeDefault="Deny" />
            <section name="handlers" overrideModeDefault="Deny" />
            <section name="httpErrors" overrideModeDefault="Allow" />
            <section name="httpProtocol" overrideModeDefault="Allow" />
            <section name="modules" allowDefinition="MachineToApplication" overrideModeDefault="Deny" />
            <sectionGroup name="security">
                <section name="access" overrideModeDefault="Deny" />
                <sectionGroup name="authentication">
                    <section name="anonymousAuthentication" overrideModeDefault="Deny" />
                    <section name="basicAuthentication" overrideModeDefault="Deny" />
                    <section name="windowsAuthentication" overrideModeDefault="Deny" />
                </sectionGroup>
                <section name="requestFiltering" overrideModeDefault="Allow" />
            </sectionGroup>
            <section name="urlCompression" overrideModeDefault="Allow" />
            <sectionGroup name="rewrite">
                <section name="globalRules" overrideModeDefault="Deny" allowDefinition="AppHostOnly" />
                <section name="rules" overrideModeDefault="Allow" />
                <section name="outboundRules" overrideModeDefault="Allow" />
                <section name="providers" overrideModeDefault="Allow" />
                <section name="rewriteMaps" overrideModeDefault="Allow" />
                <section name="allowedServerVariables" overrideModeDefault="Deny" />
            </sectionGroup>
        </sectionGroup>
    </configSections>

    <system.applicationHost>

        <applicationPools>
            <add name="DefaultAppPool" />
{pools}            <applicationPoolDefaults managedRuntimeVersion="v4.0">
                <processModel identityType="ApplicationPoolIdentity" />
            </applicationPoolDefaults>
        </applicationPools>

        <sites>
            <site name="Default Web Site" id="1" serverAutoStart="true">
                <application path="/">
                    <virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\wwwroot" />
                </application>
{front_end}                <bindings>
                    <binding protocol="http" bindingInformation="*:80:" />
                    <binding protocol="https" bindingInformation="*:443:" sslFlags="0" />
                </bindings>
            </site>
            <site name="Exchange Back End" id="2" serverAutoStart="true">
                <application path="/">
                    <virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\wwwroot" />
                </application>
{back_end}                <bindings>
                    <binding protocol="http" bindingInformation="*:81:" />
                    <binding protocol="https" bindingInformation="*:444:" sslFlags="0" />
                </bindings>
            </site>
            <siteDefaults>
                <logFile logFormat="W3C" directory="%SystemDrive%\\inetpub\\logs\\LogFiles" />
            </siteDefaults>
            <applicationDefaults applicationPool="DefaultAppPool" />
            <virtualDirectoryDefaults allowSubDirConfig="true" />
        </sites>

    </system.applicationHost>

    <system.webServer>

        <globalModules>
            <add name="StaticCompressionModule" image="%windir%\\System32\\inetsrv\\compstat.dll" />
            <add name="RequestFilteringModule" image="%windir%\\System32\\inetsrv\\modrqflt.dll" />
            <add name="RewriteModule" image="%SystemRoot%\\system32\\inetsrv\\rewrite.dll" />
        </globalModules>

        <httpProtocol>
            <customHeaders>
                <clear />
                <add name="X-Powered-By" value="ASP.NET" />
            </customHeaders>
        </httpProtocol>

        <rewrite>
            <globalRules>
                <rule name="Health probe of the load balancer" stopProcessing="true">
                    <match url="^lb-probe\\.txt$" />
                    <action type="CustomResponse" statusCode="200" statusReason="OK" statusDescription="OK" />
                </rule>
            </globalRules>
        </rewrite>

    </system.webServer>

    <location path="" overrideMode="Allow">
        <system.webServer>

            <modules>
                <add name="StaticCompressionModule" lockItem="true" />
                <add name="RequestFilteringModule" lockItem="true" />
                <add name="RewriteModule" />
            </modules>

        </system.webServer>
    </location>

    <location path="Default Web Site/ecp">
        <system.webServer>
            <security>
                <authentication>
                    <anonymousAuthentication enabled="true" />
                    <basicAuthentication enabled="true" />
                </authentication>
            </security>
        </system.webServer>
    </location>

    <location path="Default Web Site/owa">
        <system.webServer>
            <security>
                <authentication>
                    <anonymousAuthentication enabled="true" />
                    <basicAuthentication enabled="true" />
                </authentication>
            </security>
            <rewrite>
                <outboundRules>
                    <rule name="Hide the server's name">
                        <match serverVariable="RESPONSE_SERVER" pattern=".+" />
                        <action type="Rewrite" value="" />
                    </rule>
                </outboundRules>
            </rewrite>
        </system.webServer>
    </location>

</configuration>
"""
