"""The way in and out: signing in by the provider or with a password, once more, and signing out.

The browser keeps a secret and nothing else of a sign-in; what it stands for is kept by the people desk.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final

from flask import Blueprint, abort, jsonify, redirect, request, session
from flask.typing import ResponseReturnValue

from feedsrv.errors import FeedsrvError, NotAllowedError, UnavailableError
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.access.refusals import LockedOutError, WrongPasswordError
from feedsrv.web import guard
from feedsrv.web.headers import UNCACHED
from feedsrv.web.pages import render, to
from feedsrv.web.problems import told
from feedsrv.web.signin.account import add_account
from feedsrv.web.signin.onward import own_path
from feedsrv.web.signin.protection import keeps_cookies
from feedsrv.web.signin.provider import Flow, Provider
from feedsrv.web.signin.recognising import SIGN_IN
from feedsrv.web.signin.refusals import SignInFailedError, UnknownFlowError

log: Final = logging.getLogger(__name__)

_FLOWS: Final = "flows"
_MOST_FLOWS: Final = 3
"""Sign-ins that one browser may have under way, in as many windows."""
_LONGEST_PASSWORD: Final = 1000
"""Characters; what is longer is no password, and costs nothing to refuse."""


def signin_blueprint(
    people: PeopleDesk, provider: Provider | None, *, local: bool, publisher: str
) -> Blueprint:
    """Signing in and out, by the identity provider, with a password kept here, or both."""
    door = Blueprint("signin", __name__)
    _add_ways_in(door, people, provider, local=local, publisher=publisher)
    _add_again(door, people, provider, local=local)
    _add_ways_out(door, people, provider)
    add_account(door, people)
    if provider is not None:
        _add_provider(door, people, provider)
        _add_back_channel(door, people, provider)
    return door


def _add_ways_in(
    door: Blueprint, people: PeopleDesk, provider: Provider | None, *, local: bool, publisher: str
) -> None:
    def page(status: HTTPStatus = HTTPStatus.OK, *, name: str = "", error: str = "") -> ResponseReturnValue:
        return render(
            "signin/signin.html",
            status,
            has_provider=provider is not None,
            has_passwords=local,
            keeps_cookies=keeps_cookies(request),
            team=publisher,
            onward=own_path(request.values.get("next")),
            is_out="out" in request.args,
            leaving=_leaving(provider) if "out" in request.args else None,
            name=name,
            error=error,
        )

    @door.get("/signin")
    def ask() -> ResponseReturnValue:
        try:
            is_in = guard.visitor() is not None
        except NotAllowedError as refusal:
            # Whoever lost their last role may still sign in as somebody else.
            return page(HTTPStatus.FORBIDDEN, error=str(refusal))
        return _go(request.args.get("next")) if is_in else page()

    @door.post("/signin")
    def sign_in() -> ResponseReturnValue:
        if not local:
            abort(HTTPStatus.NOT_FOUND)
        if not keeps_cookies(request):
            return page(HTTPStatus.FORBIDDEN)
        name, password = request.form.get("name", "").strip(), request.form.get("password", "")
        try:
            secret, _ = people.sign_in_local(name[:200], password[:_LONGEST_PASSWORD], browser=_browser())
        except NotAllowedError as refusal:
            return page(HTTPStatus.FORBIDDEN, name=name[:64], error=str(refusal))
        _begin(people, secret)
        return _go(request.form.get("next"))


def _add_provider(door: Blueprint, people: PeopleDesk, provider: Provider) -> None:
    @door.get("/signin/provider")
    def leave() -> ResponseReturnValue:
        if not keeps_cookies(request):
            return _go_to(to("/signin"))
        again = "again" in request.args and guard.visitor() is not None
        try:
            url, flow = provider.begin(onward=own_path(request.args.get("next")), again=again)
        except FeedsrvError as refusal:
            return _failed(refusal, again=again)
        _keep(flow)
        return _go_to(url)

    @door.get("/signin/callback")
    def come_back() -> ResponseReturnValue:
        again = False
        try:
            flow = _take(request.args.get("state", ""))
            again = flow.again
            claims = provider.finish(flow, request.args)
            if again:
                secret, _ = people.confirm_provider(_secret(), claims, browser=_browser())
            else:
                secret, _ = people.sign_in_provider(claims, browser=_browser())
        except FeedsrvError as refusal:
            return _failed(refusal, again=again)
        _begin(people, secret)
        return _go(flow.onward)


def _add_again(door: Blueprint, people: PeopleDesk, provider: Provider | None, *, local: bool) -> None:
    def page(onward: str, status: HTTPStatus = HTTPStatus.OK, *, error: str = "") -> ResponseReturnValue:
        return render("signin/again.html", status, onward=onward, error=error)

    def has_password() -> bool:
        return local and people.person(guard.principal().name).password is not None

    @door.get("/signin/again")
    def ask_again() -> ResponseReturnValue:
        onward = own_path(request.args.get("next"))
        if guard.visitor() is None:
            return _go_to(to("/signin", next=onward))
        if has_password() or provider is None:
            return page(onward)
        return _go_to(to("/signin/provider", again="1", next=onward))

    @door.post("/signin/again")
    def prove_again() -> ResponseReturnValue:
        guard.principal()
        onward = own_path(request.form.get("next"))
        password = request.form.get("password", "")[:_LONGEST_PASSWORD]
        try:
            secret, _ = people.confirm(_secret(), password=password, browser=_browser())
        except WrongPasswordError:
            return page(onward, HTTPStatus.FORBIDDEN, error="That is not your password.")
        except LockedOutError as refusal:
            session.clear()
            return _failed(refusal, again=False)
        _begin(people, secret)
        return _go(onward)


def _add_ways_out(door: Blueprint, people: PeopleDesk, provider: Provider | None) -> None:
    @door.post("/signout")
    def sign_out() -> ResponseReturnValue:
        if _secret():
            people.sign_out(_secret())
        session.clear()
        return _go_to(to("/signin", out="1" if provider is not None else "here"))


def _add_back_channel(door: Blueprint, people: PeopleDesk, provider: Provider) -> None:
    @door.post("/signin/backchannel-logout")
    def ended_there() -> ResponseReturnValue:
        try:
            ended = provider.ended(request.form.get("logout_token"))
        except SignInFailedError as refusal:
            log.warning("signout.refused", extra={"code": refusal.code, "reason": str(refusal)})
            # In the words of the specification: OpenID Connect Back-Channel Logout 1.0, section 2.8.
            answer = jsonify({"error": "invalid_request", "error_description": str(refusal)})
            answer.status_code = HTTPStatus.BAD_REQUEST
        else:
            if ended.session is not None:
                people.end_provider_session(ended.session)
            elif ended.subject is not None:
                people.end_provider_subject(f"{ended.issuer} {ended.subject}")
            answer = jsonify({})
        answer.headers["Cache-Control"] = UNCACHED
        return answer


def _begin(people: PeopleDesk, secret: str) -> None:
    """Let the browser have a new secret; whatever it held before is worth nothing any more."""
    before = _secret()
    if before:
        people.sign_out(before)
    # Everything goes, so that nothing that somebody else put into this browser lives on in it.
    session.clear()
    session[SIGN_IN] = secret


def _keep(flow: Flow) -> None:
    kept = session.get(_FLOWS)
    flows = [*(kept if isinstance(kept, list) else []), flow.to_session()]
    session[_FLOWS] = flows[-_MOST_FLOWS:]


def _take(state: str) -> Flow:
    """The flow of that state, which can be taken once.

    Raises:
        UnknownFlowError: this browser did not begin it, or it is over.
    """
    kept = session.get(_FLOWS)
    flows = [Flow.from_session(one) for one in kept] if isinstance(kept, list) else []
    found = next((one for one in flows if one.state == state), None)
    if found is None:
        raise UnknownFlowError
    session[_FLOWS] = [one.to_session() for one in flows if one is not found]
    return found


def _failed(refusal: FeedsrvError, *, again: bool) -> ResponseReturnValue:
    """Why somebody is not signed in, as a page, with the way to try again."""
    status, sentence = told(refusal)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:  # worse is logged already
        log.warning("signin.failed", extra={"code": refusal.code, "reason": str(refusal)})
    return render(
        "signin/failed.html",
        status,
        code=refusal.code,
        sentence=sentence,
        again=again,
        is_away=isinstance(refusal, UnavailableError),
    )


def _leaving(provider: Provider | None) -> str | None:
    """Where to end the session at the provider as well, if it can be asked."""
    try:
        return provider.leaving() if provider is not None else None
    except FeedsrvError:
        return None


def _secret() -> str:
    kept = session.get(SIGN_IN)
    return kept if isinstance(kept, str) else ""


def _browser() -> str:
    return request.headers.get("User-Agent", "")


def _go(wanted: str | None) -> ResponseReturnValue:
    return _go_to(own_path(wanted))


def _go_to(address: str) -> ResponseReturnValue:
    return redirect(address, HTTPStatus.SEE_OTHER)
