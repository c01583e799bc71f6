"""What people do with the command line, from a file to a feed: four eyes, and the end by an update."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from feedsrv.codec.feed import read_feed
from feedsrv.model.feed import Feed
from feedsrv.stores.lock import lock_beside
from tests.commands import MITIGATIONS, Service, new_service

GOOD = (MITIGATIONS / "M0001.xml").read_bytes().replace(b'id="M0001"', b'id="M0042"')
UPDATE = "--product exchange-se --build 15.2.2562.45"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published."""
    return new_service(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A mitigation that is ready to be imported."""
    path = tmp_path / "M0042.xml"
    path.write_bytes(GOOD)
    return path


def act(service: Service, words: str) -> str:
    """Call a command that is not refused."""
    return service.done(*words.split())


def refusal(service: Service, words: str) -> str:
    """What a command says that is refused."""
    result = service.call(*words.split())
    assert result.exit_code == 1, result.output
    return result.stderr


def feed(service: Service, product: str = "exchange-se") -> Feed:
    """What agents of a product get."""
    path = service.data / "shelf" / "v1" / "feeds" / product / "production.xml"
    return read_feed(path.read_bytes(), source=path.name)


def test_a_mitigation_goes_from_a_file_to_the_feeds_through_four_eyes(service: Service, file: Path) -> None:
    """Author, reviewer, publisher; and only then is it in a feed."""
    assert "M0042 revision 1 created" in act(service, f"mitigation import {file} --as alice")
    assert "M0042 revision 1 is in review" in act(service, "mitigation submit M0042 --as alice")
    digest = service.digest_of("M0042")
    assert f"approve M0042 --digest {digest}" in act(service, "mitigation diff M0042")
    assert digest in act(service, f"mitigation approve M0042 --digest {digest} --as bob")
    before = feed(service, "exchange-2019")

    printed = act(service, "feed publish --as bob")

    assert "published M0042 revision 1" in printed
    after = feed(service, "exchange-2019")
    assert after.version == before.version + 1
    assert {one.id for one in after.entries} - {one.id for one in before.entries} == {"M0042"}
    assert "alice" in act(service, "audit list")
    assert "the audit log is whole" in act(service, "audit verify")


@pytest.mark.parametrize("person", ["alice", "ALICE", " alice "])
def test_nobody_approves_what_they_wrote(service: Service, file: Path, person: str) -> None:
    """However they write their name."""
    act(service, f"mitigation import {file} --submit --as alice")

    digest = service.digest_of("M0042")
    result = service.call("mitigation", "approve", "M0042", "--digest", digest, "--as", person)

    assert result.exit_code == 1
    assert result.stderr.startswith("error [publishing.same_person]: ")
    assert "in review" in act(service, "mitigation list")


def test_the_account_acts_where_nobody_is_named(service: Service, file: Path) -> None:
    """So forgetting `--as` twice is no way around four eyes."""
    act(service, f"mitigation import {file} --submit")

    digest = service.digest_of("M0042")
    assert "publishing.same_person" in refusal(service, f"mitigation approve M0042 --digest {digest}")


def test_an_approval_is_of_the_words_that_were_read(service: Service, file: Path) -> None:
    """An edit between reading and approving voids the digest that was read."""
    act(service, f"mitigation import {file} --submit --as alice")
    read = service.digest_of("M0042")
    file.write_bytes(GOOD.replace(b"ProxyNotShell", b"Something else"))
    act(service, f"mitigation import {file} --submit --as alice")

    said = refusal(service, f"mitigation approve M0042 --digest {read} --as bob")

    assert said.startswith("error [publishing.changed_content]: ")
    assert read in said
    assert "feedsrv mitigation show M0042 --revision 1" in said


def test_an_edit_voids_the_approval(service: Service, file: Path) -> None:
    """What was approved is what is signed, or nothing is."""
    act(service, f"mitigation import {file} --submit --as alice")
    service.approve("M0042")
    file.write_bytes(GOOD.replace(b"ProxyNotShell", b"Something else"))
    act(service, f"mitigation import {file} --as carol")
    before = service.everything()

    assert act(service, "feed publish --as bob") == "nothing to publish\n"

    assert service.everything() == before


def test_what_publishing_will_refuse_is_said_at_review(service: Service, file: Path) -> None:
    """At three in the morning, an approval that comes to nothing is half an hour."""
    file.write_bytes(
        GOOD.replace(
            b'<Affects product="exchange-2016">', b'<Supersedes id="M0999"/><Affects product="exchange-2016">'
        )
    )
    act(service, f"mitigation import {file} --as alice")

    submitted = service.call("mitigation", "submit", "M0042", "--as", "alice")
    digest = service.digest_of("M0042")
    approved = service.call("mitigation", "approve", "M0042", "--digest", digest, "--as", "bob")
    published = service.call("feed", "publish", "--as", "bob")

    assert (submitted.exit_code, approved.exit_code, published.exit_code) == (0, 0, 1)
    for result in (submitted, approved, service.call("mitigation", "lint", "M0042"), published):
        assert "M0999" in result.output
    assert "publishing will refuse this: " in submitted.stderr
    assert "publishing will refuse this: " in approved.stderr
    assert "M0999" in act(service, "mitigation show M0042")


def test_a_reviewer_gives_a_revision_back_and_its_author_gives_it_up(service: Service, file: Path) -> None:
    """Nothing is left of it but the audit log."""
    act(service, f"mitigation import {file} --submit --as alice")

    assert "a draft again" in act(service, "mitigation return M0042 --reason vague --as bob")
    assert "is discarded" in act(service, "mitigation discard M0042 --as alice")

    assert "M0042" not in act(service, "mitigation list")
    assert "vague" in act(service, "audit list --json")


def test_a_withdrawal_goes_through_four_eyes_as_well(service: Service) -> None:
    """Taking a protection away is a decision, too."""
    act(service, "mitigation withdraw M0001 --reason broken --as alice")
    digest = service.digest_of("M0001")
    said = refusal(service, f"mitigation approve M0001 --digest {digest} --as alice")
    assert "publishing.same_person" in said
    service.approve("M0001")

    act(service, "feed publish --as bob")

    states = {one.id: one.state for one in feed(service, "exchange-2019").entries}
    assert states["M0001"] == "withdrawn"


def test_an_update_is_released_together_with_the_revisions_that_it_obliges(service: Service) -> None:
    """Registered, drafted, approved by another, released and published in one version (S4)."""
    before = feed(service)
    registered = service.done(
        *f"cu register {UPDATE} --date 2026-07-14 --fixes CVE-2026-42897 --as alice --name".split(),
        "July update",
    )
    assert "M0002 revision 2 is in review: feedsrv mitigation diff M0002" in registered
    assert 'fixed="15.2.2562.45"' in act(service, "mitigation diff M0002")
    too_early = refusal(service, f"cu release {UPDATE} --as bob")
    assert "publishing.waiting_for_review" in too_early
    assert "M0002 revision 2 is in review" in too_early
    assert feed(service) == before

    service.approve("M0002")
    act(service, f"cu release {UPDATE} --as bob")
    printed = act(service, "feed publish --as bob")

    assert "published M0002 revision 2" in printed
    assert "released exchange-se 15.2.2562.45 (July update)" in printed
    after = feed(service)
    assert after.version == before.version + 1
    assert {one.id: one.revision for one in after.entries}["M0002"] == 2
    assert re.search(r"15\.2\.2562\.45 +July update .* released", act(service, "cu list"))


def test_registering_twice_drafts_nothing_twice(service: Service) -> None:
    """And says so."""
    words = f"cu register {UPDATE} --date 2026-07-14 --name July --fixes CVE-2026-42897 --as alice"
    act(service, words)

    again = act(service, words)

    assert "was registered already" in again
    assert "revision 2" not in again


def test_an_update_is_planned_before_one_says_yes(service: Service) -> None:
    """What would be drafted, on which builds, and nothing is kept."""
    before = service.everything()

    plan = service.done(
        *f"cu register {UPDATE} --date 2026-07-14 --fixes CVE-2026-42897 --dry-run --as alice --name".split(),
        "July update",
    )

    assert "exchange-se 15.2.2562.45 would be registered; nothing was kept" in plan
    assert "M0002 revision 2 would be drafted, and wait for review: July update holds the fix" in plan
    assert re.search(r"^    on exchange-se: .*15\.2\.2562\.45", plan, re.MULTILINE)
    assert service.everything() == before
    assert "July update" not in act(service, "cu list")


def test_an_update_that_will_not_come_out_is_discarded(service: Service) -> None:
    """Once no draft names it any more; the refusal says which does."""
    words = f"cu register {UPDATE} --date 2026-07-14 --name July --fixes CVE-2026-42897 --as alice"
    act(service, words)

    said = refusal(service, f"cu discard {UPDATE} --as alice")
    assert said.startswith("error [publishing.in_work]: M0002 revision 2 names exchange-se 15.2.2562.45")
    act(service, "mitigation return M0002 --reason never --as bob")
    act(service, "mitigation discard M0002 --as alice")

    assert act(service, f"cu discard {UPDATE} --as alice") == "exchange-se 15.2.2562.45 is discarded\n"
    assert "15.2.2562.45" not in act(service, "cu list")


def test_a_mitigation_is_signed_anew_with_the_words_that_stand(service: Service) -> None:
    """By another key, or until a later day: a revision like every other."""
    printed = act(service, "mitigation revise M0001 --change Renewed. --as alice")
    assert printed.startswith("M0001 revision 2 is a draft with the words of M0001 revision 1: ")
    act(service, "mitigation submit M0001 --as alice")
    service.approve("M0001")

    act(service, "feed publish --as bob")

    assert {one.id: one.revision for one in feed(service, "exchange-2019").entries}["M0001"] == 2


def test_the_list_shows_what_servers_run_beside_what_is_in_work(service: Service, file: Path) -> None:
    """A revision in review hides nothing."""
    act(service, "mitigation withdraw M0001 --reason broken --as alice")
    act(service, f"mitigation import {file} --as alice")

    listed = json.loads(act(service, "mitigation list --json"))

    found = {one["id"]: (one["revision"], one["stage"], one["published"]) for one in listed}
    assert found["M0001"] == (2, "in review", 1)
    assert found["M0002"] == (1, "published", 1)
    assert found["M0042"] == (1, "draft", "")
    assert re.search(r"M0001 +2 +in review +1 +withdrawn", act(service, "mitigation list"))


def test_why_it_was_returned_is_shown(service: Service, file: Path) -> None:
    """To whoever goes on with it."""
    act(service, f"mitigation import {file} --submit --as alice")
    act(service, "mitigation return M0042 --reason vague --as bob")

    assert re.search(r"^returned: .* by bob: vague$", act(service, "mitigation show M0042"), re.MULTILINE)


def test_an_approval_names_what_was_read(service: Service, file: Path) -> None:
    """Whatever lies there at that moment is not what somebody read."""
    act(service, f"mitigation import {file} --submit --as alice")

    result = service.call("mitigation", "approve", "M0042", "--as", "bob")

    assert result.exit_code == 2
    assert "--digest" in result.stderr
    assert "in review" in act(service, "mitigation show M0042")


def test_a_second_publisher_is_told_that_one_is_at_work(service: Service) -> None:
    """One wins, the other says so and has changed nothing."""
    before = service.everything()

    with lock_beside(service.data / "feedsrv.sqlite").hold():
        refused = [service.call("feed", verb, "--as", "bob") for verb in ("publish", "refresh")]

    assert [one.exit_code for one in refused] == [1, 1]
    assert all(one.stderr.startswith("error [publishing.in_progress]: ") for one in refused)
    assert service.everything() == before


def test_a_refresh_that_is_forced_says_the_same_in_a_new_version(service: Service) -> None:
    """And without force, fresh feeds are left alone."""
    before = feed(service)
    assert act(service, "feed refresh --as bob") == "nothing to publish\n"

    printed = act(service, "feed refresh --force --as bob")

    assert f"feed exchange-se/production is now version {before.version + 1}" in printed
    assert feed(service).entries == before.entries


def test_who_writes_and_reviews_needs_no_key(tmp_path: Path, file: Path) -> None:
    """The signing keys may lie where only the publisher can read them; publishing says what it misses."""
    service = new_service(tmp_path, development_keys=str(tmp_path / "nowhere"))
    act(service, f"mitigation import {file} --as alice")
    submitted = service.call("mitigation", "submit", "M0042", "--as", "alice")
    service.approve("M0042")

    said = refusal(service, "feed publish --as bob")

    assert "not judged: whether the signing key lasts" in submitted.stderr
    assert said.startswith("error [keys.none]: ")
    assert "FEEDSRV_MITIGATION_SIGNER" in said
    assert not (tmp_path / "nowhere").exists()
