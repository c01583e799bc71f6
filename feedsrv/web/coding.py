"""Sentences of ours as HTML: what stands between backticks is code."""

from __future__ import annotations

from markupsafe import Markup, escape


def coded(text: str) -> Markup:
    """What stands between backticks as code; all of it escaped.

    >>> coded("See `feedsrv key list` & <b>")
    Markup('See <code>feedsrv key list</code> &amp; &lt;b&gt;')
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )
