"""What an administrator may say, and how a wrong word is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feedsrv.agent.settings import (
    AgentSettings,
    AgentSettingsError,
    PoolFileError,
    SettingsFile,
    read_pool_switch,
    write_pool_switch,
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """Every setting comes back; those at their default are not written."""
    settings = AgentSettings(
        server="https://mitigations.example",
        product="exchange-2019",
        anchors=("root.pem", "next.pem"),
        auto_apply=False,
        timeout=5,
        feed_eku="1.2.3",
    )

    SettingsFile(tmp_path).save(settings)

    assert SettingsFile(tmp_path).load() == settings
    assert "channel" not in json.loads((tmp_path / "settings.json").read_text())


def test_without_a_file_all_is_default(tmp_path: Path) -> None:
    """A new agent applies what it trusts, and trusts nobody yet."""
    assert SettingsFile(tmp_path).load() == AgentSettings()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "Expecting"),
        ("[]", "must be an object"),
        ('{"sever": "http://x"}', "no setting sever"),
        ('{"server": "ftp://x"}', "server.*https://"),
        ('{"server": "https://me:hunter2@x"}', "server.*no user name"),
        ('{"proxy": "http://me:hunter2@proxy"}', "proxy.*environment"),
        ('{"proxy": "proxy:3128"}', "proxy.*http://"),
        ('{"product": "Exchange 2019"}', "product.*lower-case"),
        ('{"anchors": "root.pem"}', "anchors must be a list"),
        ('{"auto_apply": "yes"}', "auto_apply must be true or false"),
        ('{"timeout": -1}', "timeout.*seconds"),
        ('{"timeout": true}', "timeout must be a whole number"),
        ('{"adapter": "apache"}', "adapter.*iis"),
        ('{"build": "15.2"}', "build.*four whole numbers"),
        ('{"feed_eku": "x"}', "feed_eku"),
        ('{"publisher": " "}', "publisher"),
        ('{"channel": null}', "channel must be a text"),
    ],
)
def test_a_wrong_setting_is_told_by_name(tmp_path: Path, content: str, sentence: str) -> None:
    """The message names the file, the setting and what it takes."""
    (tmp_path / "settings.json").write_text(content)

    with pytest.raises(AgentSettingsError, match=rf"settings\.json.*{sentence}"):
        SettingsFile(tmp_path).load()


def test_a_secret_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    """Nothing of it reaches a screen or a log."""
    (tmp_path / "settings.json").write_text('{"server": "https://me:hunter2@x"}')

    with pytest.raises(AgentSettingsError) as refusal:
        SettingsFile(tmp_path).load()

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("said", [True, False])
def test_the_pool_switch_is_read_as_it_was_written(tmp_path: Path, *, said: bool) -> None:
    """One file for all servers of a pool."""
    write_pool_switch(tmp_path / "pool.json", auto_apply=said)

    assert read_pool_switch(tmp_path / "pool.json") is said


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"auto_apply": 1}'])
def test_a_pool_file_that_does_not_say_is_refused(tmp_path: Path, content: str | None) -> None:
    """The message says what to do."""
    path = tmp_path / "pool.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(PoolFileError, match="--pool-auto-apply"):
        read_pool_switch(path)
