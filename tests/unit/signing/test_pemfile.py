from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from feedsrv.signing.backends import create_key, export_key, open_key, store_key
from feedsrv.signing.elsewhere import stand_in
from feedsrv.signing.signer import OpenedKey, SigningError
from feedsrv.trust.profile import KeyKind
from tests.pki import key, pem_of

_SECRET = b"correct horse"


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    """A passphrase in a file of its own."""
    path = tmp_path / "passphrase"
    path.write_bytes(_SECRET + b"\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for keys."""
    made = tmp_path / "keys"
    made.mkdir()
    return made


def uri(path: Path, passphrase: Path | None = None) -> str:
    """The place of a key."""
    return f"file:{quote(str(path))}" + (f"?passphrase={quote(str(passphrase))}" if passphrase else "")


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_of_each_kind_is_made_for_its_owner_alone(folder: Path, kind: KeyKind) -> None:
    """Whatever the umask, and nothing lies beside it."""
    place = uri(folder / "new.pem")
    before = os.umask(0)
    try:
        made = create_key(place, kind, exportable=True)
    finally:
        os.umask(before)

    assert (folder / "new.pem").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["new.pem"]
    opened = open_key(place).private_key
    assert opened.public_key() == made.private_key.public_key()
    family, bits = kind.value.split("-")
    assert opened.key_size == int(bits)
    assert isinstance(opened, rsa.RSAPrivateKey if family == "rsa" else ec.EllipticCurvePrivateKey)


def test_a_key_whose_place_names_a_passphrase_is_never_written_without(
    folder: Path, passphrase: Path
) -> None:
    """Neither when it is made, nor when it is brought along."""
    made = uri(folder / "made.pem", passphrase)
    brought = uri(folder / "brought.pem", passphrase)

    create_key(made, KeyKind.P_256, exportable=True)
    store_key(brought, key("stranger"))

    for path in folder.iterdir():
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
        load_pem_private_key(path.read_bytes(), _SECRET)
    assert open_key(brought).private_key.public_key() == key("stranger").public_key()


@pytest.mark.parametrize("what", ["file", "link to nothing", "folder"])
def test_a_key_never_takes_the_place_of_anything(folder: Path, what: str) -> None:
    """Not even of an empty file, or of a link that leads nowhere."""
    path = folder / "key.pem"
    if what == "file":
        path.touch()
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(folder / "nowhere")
    before = path.lstat()

    with pytest.raises(SigningError, match=str(path)) as made:
        create_key(uri(path), KeyKind.P_256, exportable=True)
    with pytest.raises(SigningError, match="never overwritten") as stored:
        store_key(uri(path), key("stranger"))

    assert made.value.code == stored.value.code == "signing.key_exists"
    assert path.lstat() == before
    assert list(folder.iterdir()) == [path]


def test_of_many_that_make_a_key_at_once_one_wins(folder: Path) -> None:
    """The file holds the winner's key, and the others hear of it."""
    place = uri(folder / "key.pem")

    def attempt(_: int) -> OpenedKey | str:
        try:
            return create_key(place, KeyKind.P_256, exportable=True)
        except SigningError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(8)))

    (won,) = (one for one in outcomes if isinstance(one, OpenedKey))
    assert outcomes.count("signing.key_exists") == 7
    assert open_key(place).private_key.public_key() == won.private_key.public_key()
    assert [path.name for path in folder.iterdir()] == ["key.pem"]


@pytest.mark.parametrize("path", ["missing/key.pem", "file/key.pem"])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    """Folders of keys are made by people, who think of their rights."""
    (tmp_path / "file").touch()

    with pytest.raises(SigningError, match=path) as refused:
        create_key(uri(tmp_path / path), KeyKind.P_256, exportable=True)

    assert refused.value.code == "signing.file_unwritable"


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        (b"\n", 0o600, "signing.passphrase_missing"),
        (_SECRET, 0o644, "signing.key_exposed"),
        (None, 0o600, "signing.file_missing"),
    ],
)
def test_a_passphrase_file_that_cannot_be_used_leaves_no_key(
    folder: Path, passphrase: Path, content: bytes | None, mode: int, code: str
) -> None:
    """A key that nobody could open again would be worse than none."""
    if content is None:
        passphrase.unlink()
    else:
        passphrase.write_bytes(content)
        passphrase.chmod(mode)

    with pytest.raises(SigningError, match=str(passphrase)) as refused:
        create_key(uri(folder / "key.pem", passphrase), KeyKind.P_256, exportable=True)

    assert refused.value.code == code
    assert list(folder.iterdir()) == []


def test_an_exported_key_is_encrypted_where_a_passphrase_is_given(folder: Path, passphrase: Path) -> None:
    """Whether or not it was where it comes from."""
    place = uri(folder / "key.pem", passphrase)
    store_key(place, key("stranger"))

    plain, encrypted = export_key(place, passphrase=None), export_key(place, passphrase=b"another word")

    assert plain == pem_of(key("stranger"))
    assert load_pem_private_key(encrypted, b"another word").public_key() == key("stranger").public_key()


def test_a_key_that_lives_elsewhere_cannot_be_stored(folder: Path) -> None:
    """It would have to leave its place for that."""
    away = stand_in(key("stranger").public_key(), lambda _: b"", name="PKCS#11 token T, key O")

    with pytest.raises(SigningError, match="token T, key O") as refused:
        store_key(uri(folder / "key.pem"), away)

    assert refused.value.code == "signing.not_exportable"
    assert list(folder.iterdir()) == []
