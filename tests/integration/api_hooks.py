"""What schemathesis is told before each request: a key of its own, and often something that is really there.

Random names are found nowhere, and a key that comes twice is refused as it must be; neither would get further
than the door. What breaks a rule of the description on purpose is left as it is.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final
from uuid import uuid4
from zlib import crc32

import schemathesis

_KEY: Final = re.compile(r"[!-~]{8,150}")
_THERE: Final = {
    "id": (re.compile(r"M[0-9]{4}|PING1"), ("M0001", "M0002", "M0003", "M0004")),
    "product": (re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"), ("exchange-2019",)),
    "channel": (re.compile(r"[a-z][a-z0-9-]{0,31}"), ("production",)),
    "name": (re.compile(r".{1,64}"), ("anna", "ben")),
    "fingerprint": (
        re.compile(r"[0-9a-fA-F]{8,64}"),
        tuple(filter(None, os.environ.get("KNOWN_FINGERPRINTS", "").split())),
    ),
}


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Make a request go further, without making a bad one good."""
    headers: Any = case.headers or {}
    if _KEY.fullmatch(str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid4())
    for name, value in (case.path_parameters or {}).items():
        form, there = _THERE.get(name, (None, ()))
        turn = crc32(str(value).encode())
        if form and there and isinstance(value, str) and form.fullmatch(value) and turn % 2:
            case.path_parameters[name] = there[turn // 2 % len(there)]
