"""From nothing to a published feed by the key commands alone, and on to the next signer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509

from feedsrv.clock import now
from feedsrv.publishing.key_register.making import PARENTS
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import Role, fingerprint
from feedsrv.trust.refusals import SignerRevokedError
from tests.commands import MITIGATIONS, Service
from tests.key_commands import Keys
from tests.own_keys import DOCUMENT_ROLES
from tests.pki import ORGANISATION

FEED = "feeds/exchange-2019/production.xml"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A new service without any key."""
    service = Service(tmp_path / "data", {"FEEDSRV_DEVELOPMENT_KEYS": str(tmp_path / "data" / "keys")})
    service.done("db", "upgrade")
    folder = tmp_path / "own"
    folder.mkdir()
    return Keys(service, folder)


def publish(service: Service) -> None:
    """One mitigation, by two people."""
    service.done("catalogue", "import", str(MITIGATIONS / "products.xml"), "--as", "alice")
    service.done("mitigation", "import", str(MITIGATIONS / "M0001.xml"), "--submit", "--as", "alice")
    service.approve("M0001")
    service.done("feed", "publish", "--as", "bob")


def new_agent(service: Service) -> TrustPolicy:
    """What an agent trusts that was set up today: root, organisation, and every list that is published."""
    trust = service.data / "shelf/v1/trust"
    policy = json.loads((trust / "policy.json").read_bytes())
    return TrustPolicy(
        load_anchors((trust / "anchors.pem").read_bytes(), source="anchors"),
        organisation=policy["organisation"],
        crls=tuple(load_crl((trust.parent / path).read_bytes(), source=path) for path in policy["crls"]),
    )


def test_from_nothing_to_a_feed_that_agents_believe_and_on_to_its_next_signer(keys: Keys) -> None:
    """Nothing but commands; the old signer's feeds are refused once it is revoked, the new one's believed."""
    service, shelf = keys.service, keys.service.data / "shelf/v1"
    for role in DOCUMENT_ROLES:
        keys.used(role)
    old = keys.named(Role.FEED_SIGNER, "in use")

    publish(service)

    agent = new_agent(service)
    by_old = (shelf / FEED).read_bytes()
    feed = open_feed(by_old, agent, at=now()).feed
    mitigation = (shelf / "mitigations/M0001/1.xml").read_bytes()
    assert open_mitigation(mitigation, agent, at=now(), entry=feed.entry("M0001")).mitigation.id == "M0001"
    assert agent.organisation == ORGANISATION
    assert not (service.data / "keys").exists(), "no development PKI was made beside them"

    new = keys.used(Role.FEED_SIGNER, "new-feed-signer")
    service.done("feed", "refresh", "--force", "--as", "bob")
    by_new = (shelf / FEED).read_bytes()
    assert open_feed(by_old, agent, at=now()).feed.version < open_feed(by_new, agent, at=now()).feed.version
    said = keys.done("revoke", old, "--reason", "key_compromise")

    assert "which is published" in said
    agent = new_agent(service)
    with pytest.raises(SignerRevokedError):
        open_feed(by_old, agent, at=now())
    assert fingerprint(open_feed(by_new, agent, at=now()).proof.leaf) == new
    service.done("feed", "refresh", "--force", "--as", "bob")
    assert open_feed((shelf / FEED).read_bytes(), agent, at=now()).feed.version == 3
    stages = {one["fingerprint"]: (one["stage"], one["revoked"]) for one in keys.list()}
    assert stages[old] == ("ready", "key_compromise")
    assert stages[new] == ("in use", None)
    assert "key.revoke" in service.done("audit", "list")
    service.done("audit", "verify")


def test_a_stolen_signer_is_revoked_while_it_is_the_only_one(keys: Keys) -> None:
    """Agents hear of it at once, nothing more is signed with it, and the message says what to do."""
    service = keys.service
    for role in DOCUMENT_ROLES:
        keys.used(role)
    publish(service)
    by_old = (service.data / "shelf/v1" / FEED).read_bytes()
    old = keys.named(Role.FEED_SIGNER, "in use")

    said = keys.done("revoke", old, "--reason", "key_compromise")

    assert "cannot sign any more" in said
    assert "feedsrv feed refresh --force" in said
    with pytest.raises(SignerRevokedError):
        open_feed(by_old, new_agent(service), at=now())
    refused = service.call("feed", "refresh", "--force", "--as", "bob")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error [key.revoked]: ")
    assert "feedsrv key request" in refused.stderr
    keys.used(Role.FEED_SIGNER, "new")
    service.done("feed", "refresh", "--force", "--as", "bob")
    by_new = (service.data / "shelf/v1" / FEED).read_bytes()
    assert open_feed(by_new, new_agent(service), at=now()).feed.version == 2


def test_the_keeper_renews_lists_and_signs_feeds_without_the_mitigation_key(keys: Keys) -> None:
    """Whoever holds that key may take it away with them."""
    for role in DOCUMENT_ROLES:
        keys.used(role)
    publish(keys.service)
    keys.done("crl")
    (keys.folder / "mitigation-signer.key.pem").rename(keys.folder / "in the safe")

    looked = keys.service.call("keeper", "--once")

    assert looked.exit_code == 0, looked.stderr
    assert len(new_agent(keys.service).crls) == 3
    refused = keys.service.call("feed", "publish", "--as", "bob")
    assert refused.stderr.startswith("error [signing.file_missing]: "), refused.output


def test_a_root_or_ca_stays_until_nothing_that_is_listed_was_signed_under_it(keys: Keys) -> None:
    """The signers have moved on, and one mitigation has not: whoever is set up tomorrow must read it."""
    for role in DOCUMENT_ROLES:
        keys.used(role)
    publish(keys.service)
    old, ca, feed_ca = (keys.named(role, "in use") for role in (Role.ROOT, Role.MITIGATION_CA, Role.FEED_CA))
    issuers: dict[Role, str] = {}
    for role in DOCUMENT_ROLES:
        asked = keys.request(role, f"next {role.slug}", "--common-name", f"Next {role.slug}")
        above = issuers.get(PARENTS.get(role, Role.ROOT))
        keys.done("issue", asked, *(("--issuer", above) if above else ("--self",)))
        issuers[role] = keys.named(role, "ready")
        keys.done("use", issuers[role], "--strand")
    keys.service.done("feed", "refresh", "--force", "--as", "bob")

    refused, ca_refused = keys.call("retire", old), keys.call("retire", ca)

    assert "above M0001 revision 1" in ca_refused.stderr
    assert keys.call("retire", feed_ca).exit_code == 0
    assert refused.stderr.startswith("error [key.in_use]: "), refused.output
    assert "M0001 revision 1" in refused.stderr
    assert "signer" not in refused.stderr.partition("still needed")[2].partition("First put")[0]


def test_before_any_key_is_in_use_nothing_is_made_or_signed_in_its_place(keys: Keys) -> None:
    """A register that is half made is no reason for development keys."""
    keys.request(Role.ROOT)

    refused = keys.service.call("run")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("error [keys.none]: ")
    assert "feedsrv key use" in refused.stderr
    assert not (keys.service.data / "keys").exists()


def test_what_is_wrong_on_the_command_line_is_told_with_its_remedy(keys: Keys, tmp_path: Path) -> None:
    """By code, and without touching anything."""
    open_word = tmp_path / "word"
    open_word.write_text("a passphrase\n")
    open_word.chmod(0o644)
    empty = tmp_path / "empty"
    empty.touch(0o600)
    root = keys.issued(Role.ROOT)
    taken = keys.folder / "taken.pem"
    taken.write_text("something")
    out = ("--out", str(keys.folder / "root.pem"))

    cases = {
        "key.passphrase_file": ("export", root, "--private", "--passphrase", str(open_word), *out),
        "key.file_taken": ("export", root, "--out", str(taken)),
        "key.unknown": ("use", "0123456789"),
        "key.bad_fingerprint": ("use", "root"),
        "bundle.unreadable": ("import", str(open_word)),
        "key.place_taken": (
            *("request", "--role", "root", "--organisation", "x"),
            *("--place", f"file:{keys.folder}/root.key.pem"),
        ),
        "signing.uri": ("request", "--role", "root", "--organisation", "x", "--place", "root.pem"),
    }
    results = {code: keys.call(*words) for code, words in cases.items()}
    no_word = keys.call("export", root, "--private", "--passphrase", str(empty), *out)

    for code, result in results.items():
        assert result.exit_code == 1, (code, result.output)
        assert result.stderr.startswith(f"error [{code}]: "), result.stderr
    assert "holds no passphrase" in no_word.stderr
    assert taken.read_text() == "something"
    assert not (keys.folder / "root.pem").exists()
    usage = [
        ("export", root, "--private"),
        ("issue",),
        ("issue", root, "--role", "feed-ca"),
        ("revoke", "--reason", "superseded"),
        ("revoke", root, "--serial", "4f", "--issuer", root, "--reason", "superseded"),
        ("request", "--role", "root", "--place", "file:/x.pem"),
    ]
    assert [keys.call(*words).exit_code for words in usage] == [2] * len(usage)


def test_where_nothing_can_be_written_nothing_is_done(keys: Keys) -> None:
    """A certificate that is issued, or vouches, and is then lost would be one that nobody can find again."""
    ca = keys.used(Role.ROOT)
    keys.request(Role.FEED_CA)
    taken = keys.folder / "taken.pem"
    taken.write_text("something")
    place = ("--role", "feed-signer", "--organisation", "x", "--place", f"file:{keys.folder}/new.key.pem")
    before = keys.service.everything()

    refused = keys.call("request", *place, "--out", str(taken))
    vouch = ("vouch", ca, "--by", ca, "--as", "anna", "--out")
    refused_voucher = keys.service.call("trust", *vouch, str(taken))
    nowhere = keys.call("request", *place, "--out", str(keys.folder / "none/new.pem"))

    assert refused.exit_code == refused_voucher.exit_code == 1
    assert refused.stderr.startswith("error [key.file_taken]: ")
    assert refused_voucher.stderr.startswith("error [key.file_taken]: ")
    assert nowhere.exit_code == 2
    assert "there is no folder" in nowhere.stderr
    assert keys.service.everything() == before
    assert not (keys.folder / "new.key.pem").exists()


def test_lint_explains_a_certificate_and_ends_with_1_where_it_would_be_refused(keys: Keys) -> None:
    """No service is needed for it; both ends of mutual TLS are asked where both are named."""
    for role in (Role.ROOT, Role.FEED_CA):
        keys.used(role)
    signer = keys.issued(Role.FEED_SIGNER)
    file = keys.folder / "signer.pem"
    keys.done("export", signer, "--out", str(file))

    good = keys.call("lint", str(file), "--role", "feed-signer")
    other = keys.call("lint", str(file), "--role", "mitigation-signer")
    both = keys.call("lint", str(file), "--role", "tls-server", "--role", "tls-agent")

    assert good.exit_code == 0, good.output
    assert "no verifier would refuse it" in good.output
    assert other.exit_code == both.exit_code == 1
    assert "[trust.eku_missing]" in other.output
    assert "server end" in both.output
    assert len(x509.load_pem_x509_certificates(file.read_bytes())) == 3


def test_a_private_key_is_handed_out_encrypted_and_comes_back_elsewhere(keys: Keys, tmp_path: Path) -> None:
    """Exported from one service, imported by the next; the passphrase is only ever in a file."""
    word = tmp_path / "word"
    word.write_text("a passphrase\n")
    word.chmod(0o600)
    place = f"file:{keys.folder}/root.key.pem"
    words = ("--organisation", ORGANISATION, "--kind", "p-256", "--exportable")
    keys.done("request", "--role", "root", "--place", place, *words)
    keys.done("issue", keys.named(Role.ROOT, "requested"), "--self")
    root, file = keys.named(Role.ROOT, "ready"), tmp_path / "root.pem"
    keys.done("export", root, "--private", "--passphrase", str(word), "--out", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    other = Service(tmp_path / "other", {"FEEDSRV_DEVELOPMENT_KEYS": str(tmp_path / "other" / "keys")})
    other.done("db", "upgrade")
    there = Keys(other, tmp_path)

    there.done(
        *("import", str(file), "--role", "root", "--passphrase", str(word)),
        *("--place", f"file:{tmp_path}/brought.key.pem"),
    )

    assert [one["fingerprint"] for one in there.list()] == [root]
    assert "a passphrase" not in keys.service.done("audit", "list") + other.done("audit", "list")


def test_a_request_goes_out_and_its_answer_comes_in(keys: Keys, tmp_path: Path) -> None:
    """One service asks, the CA of another answers, and the first one signs with it."""
    for role in (Role.ROOT, Role.FEED_CA):
        keys.used(role)
    root = keys.folder / "root.pem"
    keys.done("export", keys.named(Role.ROOT, "in use"), "--out", str(root))
    data = tmp_path / "branch"
    branch = Keys(Service(data, {"FEEDSRV_DEVELOPMENT_KEYS": str(data / "keys")}), tmp_path)
    branch.service.done("db", "upgrade")
    request, answer = tmp_path / "signer.csr", tmp_path / "signer.pem"
    branch.done(
        *("request", "--role", "feed-signer", "--organisation", ORGANISATION, "--kind", "p-256"),
        *("--place", f"file:{tmp_path}/signer.key.pem", "--out", str(request)),
    )

    keys.done("issue", "--request", str(request), "--role", "feed-signer", "--out", str(answer))
    refused = branch.call("import", str(answer))
    branch.done("import", str(root), "--role", "root")
    branch.done("use", branch.named(Role.ROOT, "ready"))
    branch.done("import", str(answer))
    branch.done("use", branch.named(Role.FEED_SIGNER, "ready"))

    assert refused.stderr.startswith("error [key.other_ca]: ")
    assert branch.named(Role.FEED_SIGNER, "in use")


def test_a_certificate_that_is_issued_here_can_be_written_out_at_once(keys: Keys, tmp_path: Path) -> None:
    """The register keeps it all the same, and its chain stands in the file."""
    keys.used(Role.ROOT)
    asked = keys.request(Role.FEED_CA)

    keys.done("issue", asked, "--out", str(tmp_path / "feed-ca.pem"))

    chain = x509.load_pem_x509_certificates((tmp_path / "feed-ca.pem").read_bytes())
    assert fingerprint(chain[0]) == keys.named(Role.FEED_CA, "ready")
    assert fingerprint(chain[1]) == keys.named(Role.ROOT, "in use")
