from __future__ import annotations

import logging
import subprocess
import sys

from feedsrv.observability.logs import FieldFormatter


def line(event: str, **fields: object) -> str:
    """What the log says of an event, without its moment."""
    record = logging.LogRecord("feedsrv", logging.INFO, "", 0, event, None, None)
    vars(record).update(fields)
    return FieldFormatter().format(record).partition(" ")[2]


def test_an_event_and_its_fields_are_one_line() -> None:
    """Level, event, and each field by name."""
    assert line("feed.published", feed="exchange-2019/production", version=7) == (
        'INFO feed.published feed="exchange-2019/production" version=7'
    )


def test_words_of_other_languages_stay_readable() -> None:
    """They are words, not tricks."""
    assert line("mitigation.applied", title="Zürich 東京") == 'INFO mitigation.applied title="Zürich 東京"'


def test_nothing_in_a_field_can_forge_a_line_or_move_the_cursor() -> None:
    """Line ends, escapes and changes of direction are spelled out."""
    forged = line("mitigation.failed", why="no\n2026 INFO all.well\x9b2J\u2028\u202e")

    assert forged == (r'INFO mitigation.failed why="no\n2026 INFO all.well\u009b2J\u2028\u202e"')


def test_a_connection_that_is_tried_again_is_no_event() -> None:
    """The library that does it would write its own objects into the log."""
    program = (
        "import logging; from feedsrv.observability.logs import configure_logging; configure_logging(); "
        "logging.getLogger('urllib3.connectionpool').warning('Retrying (Retry(total=1))'); "
        "logging.getLogger('feedsrv').warning('mitigation.not_stamped')"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr.endswith("WARNING mitigation.not_stamped\n")
    assert "Retrying" not in done.stderr
