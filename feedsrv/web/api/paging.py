"""Lists, a page at a time: each page names the cursor of the one that follows."""

from __future__ import annotations

import re
from typing import Annotated, Final

from itsdangerous import BadData, URLSafeSerializer
from pydantic import Field

from feedsrv.web.api.refusals import BadCursorError
from feedsrv.web.api.words import IN_DIGITS, Words

MOST: Final = 200
USUAL: Final = 50
# No secret: a cursor tells nothing that its holder could not ask for. The signature finds typing errors,
# cuts, and cursors of another list or of other filters.
_CHECK: Final = "cursor"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Paged(Words):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST), IN_DIGITS] = USUAL
    """How many at most."""
    cursor: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    """`next` of the page before, as it stands, with the same filters; the first page has none."""

    def after(self, listed: str) -> str | None:
        """What the page before ended with; None for the first page.

        Raises:
            BadCursorError: the cursor is not one of this list with these filters.
        """
        if self.cursor is None:
            return None
        try:
            found = self._signer(listed).loads(self.cursor)
        except (BadData, ValueError):
            raise BadCursorError from None
        if not isinstance(found, str):
            raise BadCursorError
        return found

    def before(self, listed: str) -> int | None:
        """As `after`, of a list that goes back by number; None for the first page.

        Raises:
            BadCursorError: the cursor is not one of this list with these filters.
        """
        found = self.after(listed)
        if found is None:
            return None
        # Anybody can make a cursor; no database takes a number of any length.
        if not _NUMBER.fullmatch(found):
            raise BadCursorError
        return int(found)

    def cursor_after(self, listed: str, last: object | None) -> str | None:
        """The cursor of the page that goes on after `last`; None where there is no further page."""
        if last is None:
            return None
        return self._signer(listed).dumps(str(last))

    def _signer(self, listed: str) -> URLSafeSerializer:
        filters = self.model_dump_json(exclude={"cursor", "limit"})
        return URLSafeSerializer(_CHECK, salt=f"{listed} {filters}")
