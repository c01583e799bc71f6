"""The desk's secret: made once, private, and changed without signing anybody out."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from feedsrv.settings import Settings
from feedsrv.wiring.secret import BadSecretError, Secret, open_secret


def written(file: Path, *lines: str, mode: int = 0o600) -> Settings:
    """Settings that name a file with these lines."""
    file.write_text("".join(f"{line}\n" for line in lines))
    file.chmod(mode)
    return Settings(data=file.parent, secret_file=file)


def test_the_first_start_makes_one_that_only_we_can_read(tmp_path: Path) -> None:
    """And the next start finds the same."""
    settings = Settings(data=tmp_path / "data")

    made = open_secret(settings)

    assert stat.S_IMODE(settings.secret.stat().st_mode) == 0o600
    assert open_secret(settings) == made
    assert [file.name for file in settings.data.iterdir()] == ["desk.secret"]


def test_of_many_first_starts_at_once_all_use_the_same(tmp_path: Path) -> None:
    """Whoever was first wins; nobody sees half a file."""
    settings = Settings(data=tmp_path)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: open_secret(settings).key("cookies"), range(32)))

    assert len(set(found)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["desk.secret"]


def test_each_purpose_has_a_key_of_its_own_and_an_older_secret_still_counts(tmp_path: Path) -> None:
    """A new line goes before the old one: its keys sign, the old one's are still believed."""
    old, new = "o" * 64, "n" * 64
    before = open_secret(written(tmp_path / "secret", old))

    after = open_secret(written(tmp_path / "secret", new, "", old))

    assert after.keys("cookies")[1:] == before.keys("cookies")
    assert after.keys("cookies")[0] != before.keys("cookies")[0]
    assert before.key("webhook 1") != before.key("webhook 2")
    assert len(before.key("cookies")) == 32


@pytest.mark.parametrize(
    ("lines", "mode", "said"),
    [
        ((), 0o600, "fewer than 32 characters, or none"),
        (("short",), 0o600, "fewer than 32 characters, or none"),
        (("s" * 64, "short"), 0o600, "fewer than 32 characters, or none"),
        (("ß" * 64,), 0o600, "not plain ASCII"),
        (("s" * 64,), 0o644, "chmod 600"),
    ],
)
def test_what_protects_nothing_is_refused(
    tmp_path: Path, lines: tuple[str, ...], mode: int, said: str
) -> None:
    """With the file's name and what to do."""
    settings = written(tmp_path / "secret", *lines, mode=mode)

    with pytest.raises(BadSecretError, match=said) as refused:
        open_secret(settings)

    assert str(tmp_path / "secret") in str(refused.value)
    assert "sssss" not in str(refused.value)


def test_a_file_that_was_named_is_never_made(tmp_path: Path) -> None:
    """A misspelt path would give each machine a secret of its own, unnoticed."""
    with pytest.raises(BadSecretError, match="cannot be read"):
        open_secret(Settings(data=tmp_path, secret_file=tmp_path / "elsewhere"))

    assert list(tmp_path.iterdir()) == []


def test_it_does_not_show_itself() -> None:
    """Not in a traceback, either."""
    assert "hidden" not in repr(Secret(("hidden" * 10,)))
