"""How often somebody may try: one table of rules, counted wherever every worker and host can see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Final

from flask import Flask, Request, Response, request
from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from feedsrv.publishing.people import folded
from feedsrv.web.signin.protection import host_of
from feedsrv.web.signin.recognising import TOKENS_COUNT, bearer

Whom = Callable[[Request], str | None]
"""Says under which word a request is counted; None where it is not."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How many requests of a kind pass in a span."""

    name: str
    amount: RateLimitItem
    whom: Whom
    refused: bool = False
    """Counts only what was answered with 401: guesses, whatever else is asked meanwhile."""


def _address(asked: Request) -> str:
    """The address that asks; of IPv6 the network, since a home has as many addresses as it likes."""
    told = asked.remote_addr or ""
    try:
        # Some proxies name the port, too, which is another one each time.
        address = ip_address(told if told.count(":") > 1 and "[" not in told else host_of(told))
    except ValueError:
        return "nowhere"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _signs_in(asked: Request) -> bool:
    return asked.method == "POST" and asked.path in ("/signin", "/signin/again")


def _password_from(asked: Request) -> str | None:
    return _address(asked) if _signs_in(asked) else None


def _password_of(asked: Request) -> str | None:
    name = asked.form.get("name", "") if _signs_in(asked) else ""
    return folded(name[:200]) or None


def _provider(asked: Request) -> str | None:
    return _address(asked) if asked.path in ("/signin/provider", "/signin/callback") else None


def _back_channel(asked: Request) -> str | None:
    return _address(asked) if asked.path == "/signin/backchannel-logout" else None


def _token(asked: Request) -> str | None:
    # Only where it is looked at: elsewhere anybody could have every made up one written down.
    is_looked_at = asked.url_rule is not None and asked.path.startswith(TOKENS_COUNT)
    return bearer(asked) if is_looked_at else None


def _guess(asked: Request) -> str | None:
    return _address(asked) if bearer(asked) else None


RULES: Final = (
    Rule("passwords from an address", parse("30 per 5 minutes"), _password_from),
    Rule("passwords of a name", parse("20 per 15 minutes"), _password_of),
    Rule("provider", parse("60 per 5 minutes"), _provider),
    Rule("back channel", parse("120 per minute"), _back_channel),
    # Asked before the next one: whoever guesses must not fill the table with a count for each guess.
    Rule("guessed tokens", parse("30 per 5 minutes"), _guess, refused=True),
    Rule("token", parse("600 per minute"), _token),
)


def apply_limits(app: Flask, storage: Storage, rules: tuple[Rule, ...] = RULES) -> None:
    """Refuse with 429 whoever tries more often than the rules allow, and say when to come back."""
    counting = FixedWindowRateLimiter(storage)

    def refuse(rule: Rule, key: str) -> None:
        ends = counting.get_window_stats(rule.amount, rule.name, key).reset_time
        wait = max(1, round(ends - time.time()))
        raise TooManyRequests(
            f"there were more than {rule.amount} of this kind; come back in {wait} seconds", retry_after=wait
        )

    def before() -> None:
        for rule in rules:
            key = _key(rule)
            if key is None:
                continue
            passes = counting.test if rule.refused else counting.hit
            if not passes(rule.amount, rule.name, key):
                refuse(rule, key)

    def after(answer: Response) -> Response:
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            for rule in rules:
                key = _key(rule) if rule.refused else None
                if key is not None:
                    counting.hit(rule.amount, rule.name, key)
        return answer

    app.before_request(before)
    app.after_request(after)


def _key(rule: Rule) -> str | None:
    word = rule.whom(request)
    # Hashed: a token or a name, mistyped as it may be, is not to lie in a table of counts.
    return None if word is None else sha256(word.encode()).hexdigest()[:32]
