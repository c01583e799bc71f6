"""Ordinary traffic of the products, asked of every rule that judges requests.

What people, their programs and the servers' own probes send all day. Made up after what the products'
documentation describes; nobody's logs. A rule that stops one of these is refused, or states it.
"""

from __future__ import annotations

from typing import Final

from feedsrv.model.mitigation import Mitigation, RequestSample

_SIGNED_IN: Final = (
    "Cookie",
    (
        "ClientId=0F7A31C2; X-BackEndCookie=S-1-5-21-79-81-83-1105=u56Lnp2ejJqBzc7Gz8bLy9LHxp3G; UC=8d1f; "
        "cadata=VGhpcyBpcyBub3QgYSBjb29raWU=; X-OWA-CANARY=aZ3_k-9fQ~x/1.; PrivateComputer=true"
    ),
)
_OUTLOOK: Final = ("User-Agent", "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.10417; Pro)")
_BROWSER: Final = (
    "User-Agent",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/128.0 Safari/537.36",
)
_PROBE: Final = ("User-Agent", "AMProbe/Local/ClientAccess")


def _request(name: str, url: str, *headers: tuple[str, str], method: str = "GET") -> RequestSample:
    return RequestSample(name, url, method, headers)


EXCHANGE: Final = (
    _request("OWA: the way in", "/owa/", _BROWSER),
    _request(
        "OWA: the sign-in page",
        "/owa/auth/logon.aspx?url=https%3a%2f%2fmail.example.org%2fowa%2f&reason=0",
        _BROWSER,
    ),
    _request(
        "OWA: signing in", "/owa/auth.owa", _BROWSER, ("Cookie", "PBack=0; logondata=acc=0"), method="POST"
    ),
    _request("OWA: the mailbox", "/owa/?bO=1&modurl=0&path=/mail/inbox", _BROWSER, _SIGNED_IN),
    _request(
        "OWA: a search", "/owa/service.svc?action=ExecuteSearch&EP=1&ID=-42&AC=1", _SIGNED_IN, method="POST"
    ),
    _request(
        "OWA: an attachment",
        "/owa/service.svc/s/GetFileAttachment?id=AAMkADk2%2BQ%3D&X-OWA-CANARY=aZ3_k-9fQ.",
        _SIGNED_IN,
    ),
    _request(
        "OWA: a picture of a colleague",
        "/owa/service.svc/s/GetPersonaPhoto?email=anna.smith%40example.org&UA=0&size=HR96x96",
        _SIGNED_IN,
    ),
    _request("OWA: a script", "/owa/prem/15.2.1118.40/scripts/boot.worldwide.0.mouse.js", _SIGNED_IN),
    _request(
        "OWA: news from the server",
        "/owa/ev.owa2?ns=PendingRequest&ev=PendingNotificationRequest&UA=0&cid=f3a1",
        _SIGNED_IN,
    ),
    _request("OWA: a published calendar", "/owa/calendar/5e1c@example.org/3a7b/calendar.ics"),
    _request("OWA: a health probe", "/owa/healthcheck.htm", _PROBE),
    _request(
        "OWA: a link in a message to the help on a cmdlet",
        "/owa/redir.aspx?REF=k3Qz&URL=https%3a%2f%2fdocs.example%2fpowershell%2fset-autodiscovervirtualdirectory",
        _BROWSER,
        _SIGNED_IN,
    ),
    _request("Exchange admin center: the way in", "/ecp/default.aspx?ExchClientVer=15", _BROWSER, _SIGNED_IN),
    _request(
        "Exchange admin center: a list",
        "/ecp/DDI/DDIService.svc/GetList?schema=MailboxService&msExchEcpCanary=k3x~Z0.",
        _SIGNED_IN,
        method="POST",
    ),
    _request(
        "Exchange admin center: virtual directories",
        "/ecp/VDirMgmt/EditAutodiscoverVDir.aspx?pwmcid=2&id=EX01%5cAutodiscover+(Default+Web+Site)",
        _SIGNED_IN,
    ),
    _request(
        "Exchange admin center: a user's options", "/ecp/PersonalSettings/Password.aspx?rfr=owa", _SIGNED_IN
    ),
    _request("Exchange admin center: a picture", "/ecp/15.2.1118.40/themes/default/clear1x1.gif"),
    _request(
        "Exchange Web Services: Outlook and others",
        "/EWS/Exchange.asmx",
        _OUTLOOK,
        ("Content-Type", "text/xml; charset=utf-8"),
        method="POST",
    ),
    _request(
        "Exchange Web Services: a photo",
        "/ews/Exchange.asmx/s/GetUserPhoto?email=ben%40example.org&size=HR48x48",
        _OUTLOOK,
    ),
    _request(
        "Exchange Web Services: a free/busy question",
        "/ews/exchange.asmx/WSSecurity",
        ("SOAPAction", '"http://schemas.microsoft.com/exchange/services/2006/messages/GetUserAvailability"'),
        method="POST",
    ),
    _request("ActiveSync: a phone asks what it may do", "/Microsoft-Server-ActiveSync", method="OPTIONS"),
    _request(
        "ActiveSync: a phone synchronises",
        "/Microsoft-Server-ActiveSync?Cmd=Sync&User=example%5canna&DeviceId=B7K2M4&DeviceType=iPhone",
        ("MS-ASProtocolVersion", "16.1"),
        method="POST",
    ),
    _request(
        "ActiveSync: an older phone",
        "/Microsoft-Server-ActiveSync?jQkJBBBCN0syTTQAAAAAC1dpbmRvd3NNYWls",
        method="POST",
    ),
    _request(
        "MAPI over HTTP: a mailbox",
        "/mapi/emsmdb/?MailboxId=0b1d6a44-2f7e-4c0d-9a51-7d0c54e3f1aa@example.org",
        _OUTLOOK,
        ("X-RequestType", "Execute"),
        method="POST",
    ),
    _request(
        "MAPI over HTTP: the address book",
        "/mapi/nspi/?MailboxId=0b1d6a44-2f7e-4c0d-9a51-7d0c54e3f1aa@example.org",
        _OUTLOOK,
        method="POST",
    ),
    _request(
        "Outlook Anywhere",
        "/rpc/rpcproxy.dll?0b1d6a44-2f7e-4c0d-9a51-7d0c54e3f1aa@example.org:6001",
        ("User-Agent", "MSRPC"),
        method="RPC_IN_DATA",
    ),
    _request(
        "Outlook: the offline address book", "/OAB/5d1e2c1b-7aa0-4f53-8c5a-2b8e5d6f7a90/oab.xml", _OUTLOOK
    ),
    _request(
        "Autodiscover: Outlook finds its settings", "/autodiscover/autodiscover.xml", _OUTLOOK, method="POST"
    ),
    _request(
        "Autodiscover: settings in JSON",
        "/autodiscover/autodiscover.json?Email=anna%40example.org&Protocol=AutodiscoverV1&RedirectCount=1",
        _OUTLOOK,
    ),
    _request(
        "Autodiscover: settings in JSON, by address",
        "/autodiscover/autodiscover.json/v1.0/anna@example.org?Protocol=EWS",
        ("User-Agent", "Teams/1.0"),
    ),
    _request(
        "Autodiscover: settings in SOAP",
        "/Autodiscover/Autodiscover.svc",
        ("Content-Type", "text/xml"),
        method="POST",
    ),
    _request(
        "PowerShell: an administrator's session",
        "/PowerShell/?serializationLevel=Full;ExchClientVer=15.2.1118.40;PSVersion=5.1.17763",
        ("User-Agent", "Microsoft WinRM Client"),
        method="POST",
    ),
    _request("PowerShell: a health probe", "/powershell/healthcheck.htm", _PROBE),
    _request(
        "PowerShell: the monitoring's own session",
        "/powershell?clientApplication=ActiveMonitor;PSVersion=5.1",
        ("User-Agent", "Microsoft WinRM Client"),
        method="POST",
    ),
    _request(
        "REST: mail of a hybrid user",
        "/api/v2.0/me/messages?$select=Subject,From&$top=25&$filter=IsRead+eq+false",
    ),
)
SKYPE: Final = (
    _request("Joining a meeting", "/meet/anna/H4K2PXQ9", _BROWSER),
    _request(
        "Joining a meeting, as an application",
        "/meet/anna/H4K2PXQ9?sl=1",
        ("Accept", "application/vnd.microsoft.lync.meeting+xml"),
    ),
    _request(
        "The meeting's page",
        "/lwa/WebPages/LwaClient.aspx?meeturl=aHR0cHM6Ly9tZWV0LmV4YW1wbGUub3Jn",
        _BROWSER,
    ),
    _request("Numbers to dial in", "/dialin/?lang=en-US", _BROWSER),
    _request("A meeting is planned", "/scheduler/default.aspx", _BROWSER),
    _request(
        "Clients find their pool",
        "/autodiscover/autodiscoverservice.svc/root/user?originalDomain=example.org&sipuri=anna%40example.org",
        ("Accept", "application/vnd.microsoft.rtc.autodiscover+xml;v=1"),
    ),
    _request("A ticket to sign in with", "/WebTicket/WebTicketService.svc/mex"),
    _request(
        "A certificate to sign in with",
        "/CertProv/CertProvisioningService.svc",
        ("Content-Type", "text/xml"),
        method="POST",
    ),
    _request("The address book, a search", "/groupexpansion/service.svc/WebTicket_Bearer", method="POST"),
    _request("The address book, downloaded", "/abs/handler/F-1a2b.lsabs"),
    _request("The address book, in the web", "/AbsWebQuery/service.svc?q=anna+smith", method="POST"),
    _request(
        "A phone gets its update",
        "/RequestHandler/ucdevice.upx",
        ("User-Agent", "Lync-Phone/4.0"),
        method="POST",
    ),
    _request("A mobile client's events", "/ucwa/oauth/v1/applications/1014/events?ack=3&low=5&medium=5"),
    _request("A presentation is shown", "/DataCollabWeb/Fd/MCXService.svc", method="POST"),
    _request("The persistent chat room", "/PersistentChat/RM/Page/Rooms.aspx?q=powershell", _BROWSER),
    _request("The server's own reachability", "/Reach/healthcheck.html", ("User-Agent", "Load balancer")),
)

_FAMILIES: Final = {"exchange": EXCHANGE, "sfb": SKYPE}


def ordinary_for(mitigation: Mitigation) -> tuple[RequestSample, ...]:
    """What the servers that a mitigation affects are sent all day; of an unknown product, everything."""
    named = {product.partition("-")[0] for product in mitigation.products}
    families = named if named <= _FAMILIES.keys() else set(_FAMILIES)
    return tuple(request for name in sorted(families) for request in _FAMILIES[name])


def is_same(one: RequestSample, other: RequestSample) -> bool:
    """True where two samples are the same request line, whatever they are called."""
    return (one.method, one.url) == (other.method, other.url)
