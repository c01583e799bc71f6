"""Keys and certificates: what signs, for how long still, what is wrong with it, and the end of its life.

New keys are made where they are to live, at the command line; here they are looked at, put to use and
laid down.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring, digits_of
from feedsrv.publishing.key_register.listing import Listed
from feedsrv.publishing.key_register.register import KeyDesk
from feedsrv.publishing.leads import LEADS
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.signing.issuing import REASONS
from feedsrv.trust.looking import Deviation, lint_certificate
from feedsrv.web import guard
from feedsrv.web.console.typed import BadFieldError, typed
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render, to
from feedsrv.web.problems import told

_ADMINISTRATOR: Final = ACTS["key.change"]
_ACTS: Final = frozenset({"use", "retire", "revoke"})
DONE: Final = {
    "use": "It is in use: what is signed from now on is signed by it.",
    "retire": "It is retired, and never used again.",
    "revoke": "It is revoked for good, but no list says so yet: its CA's key is not at hand. Bring it, "
    "and run `feedsrv key crl`.",
    "revoked-later": "It is revoked for good. Its CA's new list goes out with the next publication, or the "
    "keeper's next look.",
    "revoked": "It is revoked for good, and its CA's new list lies where agents look.",
}


def keys_blueprint(desk: Desk) -> Blueprint:
    """`/keys` and `/keys/<fingerprint>`."""
    door = Blueprint("keys", __name__)

    @door.get("/keys")
    def listed() -> ResponseReturnValue:
        every = desk.keys(guard.require()).list()
        return render(
            "desk/keys.html",
            working=tuple(one for one in every if not _is_over(one)),
            over=tuple(one for one in every if _is_over(one)),
            soon=_soon,
        )

    @door.get("/keys/<fingerprint>")
    def one(fingerprint: str) -> ResponseReturnValue:
        guard.require()
        return _key(desk, fingerprint, done=DONE.get(request.args.get("done", ""), ""))

    @door.post("/keys/<fingerprint>")
    def act(fingerprint: str) -> ResponseReturnValue:
        asked = typed("do")
        if asked not in _ACTS:
            raise BadFieldError("do", f"{asked[:40]!a} is nothing that can be done here")
        who = guard.require_fresh(_ADMINISTRATOR)
        keys = desk.keys(who)
        found = keys.keyring().find(fingerprint)
        try:
            if typed("sure") != "yes":
                raise BadFieldError("sure", "tick that you mean it; nothing was changed")
            done = _carry_out(keys, asked, found.id, who)
        except FeedsrvError as refused:
            return _key(desk, found.id, refused=refused)
        if done == "revoked" and not desk.publish_lists():
            done = "revoked-later"
        return redirect(to(f"/keys/{found.id}", done=done), HTTPStatus.SEE_OTHER)

    return door


def _carry_out(keys: KeyDesk, asked: str, fingerprint: str, who: Principal) -> str:
    """Do it; gives which sentence of `DONE` tells what came of it."""
    match asked:
        case "use":
            keys.use(fingerprint, by=who.name)
        case "retire":
            keys.retire(fingerprint, by=who.name)
        case _:
            if keys.revoke(fingerprint, reason=typed("reason"), by=who.name).made is not None:
                return "revoked"
    return asked


def _key(
    desk: Desk, fingerprint: str, *, done: str = "", refused: FeedsrvError | None = None
) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    keys = desk.keys(guard.principal())
    ring = keys.keyring()
    held = ring.find(digits_of(fingerprint))
    listed = next(one for one in keys.list() if one.fingerprint == held.id)
    return render(
        "desk/keys_one.html",
        status=status,
        key=listed,
        is_soon=_soon(listed),
        deviations=_deviations(desk, ring, held),
        chain=tuple(one.subject.rfc4514_string() for one in held.chain[1:]),
        uses=_uses(ring, held),
        is_ours=held.record is not None,
        reasons=REASONS,
        may_change=guard.principal().has(_ADMINISTRATOR),
        is_authority=listed.subject == listed.issuer,
        stages=KeyStage,
        done=done,
        refusal=sentence,
    )


def _soon(one: Listed) -> bool:
    """True where it is time to think of the next one."""
    lead = LEADS.get(one.role)
    return lead is not None and one.days_left is not None and one.days_left <= lead.days


def _is_over(one: Listed) -> bool:
    return one.stage is KeyStage.RETIRED or bool(one.revoked)


def _deviations(desk: Desk, ring: Keyring, held: HeldKey) -> tuple[Deviation, ...]:
    """In what the certificate differs from the profile of its role, at this moment."""
    if held.certificate is None:
        return ()
    issuers = held.chain[1:] or tuple(ring.issuers_of(held.certificate))
    return lint_certificate(held.certificate, [held.role], at=desk.clock(), issuers=issuers)


def _uses(ring: Keyring, held: HeldKey) -> tuple[tuple[str, str], ...]:
    """What hangs on it: each key in use below it, as a sentence and a fingerprint."""
    if held.certificate is None:
        return ()
    return tuple(
        ("signs now" if signer.id == held.id else f"stands above the {signer.role} in use", signer.id)
        for _, signer in ring.signers()
        if signer.id == held.id
        or held.certificate in signer.chain
        or (held.certificate in tuple(ring.issuers_of(signer.chain[-1])))
    )
