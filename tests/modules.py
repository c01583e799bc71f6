"""Places where keys live, as they are: a SoftHSM2 token, the same with a module that misbehaves, and moto.

Each is a context manager that leaves nothing behind. Where a program is missing, the test is skipped and
says so.
"""

from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from feedsrv.signing.issuing import Authority, issue
from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.profile import SIGNERS, Kind
from tests.pki import Pki, key

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

SOFTHSM: Final = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
PIN: Final = "8521-geheim"
OFFICER_PIN: Final = "7412-officer"
REGION: Final = "eu-central-1"
SECRET_ACCESS_KEY: Final = "moto/secret+access+key"  # noqa: S105 - moto takes any


@dataclass(frozen=True)
class SoftToken:
    """A token of SoftHSM2, and the file of its PIN."""

    folder: Path
    label: str
    module: Path
    pin: Path

    def place(self, key: str, *, timeout: float | None = None) -> str:
        """The URI of a key in it."""
        return (
            f"pkcs11:token={quote(self.label)};object={quote(key)}?module-path={quote(str(self.module))}"
            f"&pin-source=file:{quote(str(self.pin))}" + (f"&timeout={timeout}" if timeout else "")
        )

    def write_pin(self, pin: str) -> None:
        """Put another PIN into the file, which is a new state of it whatever the clock says."""
        fresh = self.pin.with_suffix(".new")
        fresh.write_text(f"{pin}\n")
        fresh.chmod(0o600)
        fresh.replace(self.pin)


@contextmanager
def soft_token(folder: Path, label: str = "feed srv") -> Iterator[SoftToken]:
    """A new token below `folder`, and an environment in which its module finds it."""
    module = next((Path(path) for path in SOFTHSM if Path(path).exists()), None)
    if module is None or not shutil.which("softhsm2-util"):
        pytest.skip("missing on this machine: SoftHSM2")
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    token = SoftToken(folder, label, module, folder / "pin")
    token.write_pin(PIN)
    with environment({"SOFTHSM2_CONF": str(settings)}):
        subprocess.run(
            [
                "softhsm2-util",
                "--init-token",
                "--free",
                *("--label", label, "--pin", PIN, "--so-pin", OFFICER_PIN),
            ],
            check=True,
            capture_output=True,
        )
        yield token


# A module in front of the real one: it counts wrong PINs as smart cards do, and does what files order.
_FAULTY: Final = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef unsigned long rv;
struct list { unsigned char version[2]; void *function[68]; };
enum { INITIALIZE = 0, GET_TOKEN_INFO = 6, LOGIN = 18, SIGN = 43, MOST_TRIES = 3 };

static struct list mine, *real;

static const char *path_of(const char *order) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", ORDERS, order);
    return path;
}

static int ordered(const char *order) { return access(path_of(order), F_OK) == 0; }

static void hang_if(const char *order) {
    while (ordered(order))
        usleep(20000);
}

static long wrong_pins(void) {
    struct stat seen;
    return stat(path_of("wrong-pins"), &seen) ? 0 : (long)seen.st_size;
}

static rv initialize(void *arguments) {
    hang_if("hang-initialize");
    return ((rv (*)(void *))real->function[INITIALIZE])(arguments);
}

static rv get_token_info(unsigned long slot, unsigned char *info) {
    rv result = ((rv (*)(unsigned long, void *))real->function[GET_TOKEN_INFO])(slot, info);
    if (result == 0 && !ordered("hide-flags")) {
        unsigned long *flags = (unsigned long *)(info + 96);
        if (wrong_pins() >= MOST_TRIES) *flags |= 0x40000;
        else if (wrong_pins() == MOST_TRIES - 1) *flags |= 0x20000;
        else if (wrong_pins()) *flags |= 0x10000;
    }
    return result;
}

static rv login(unsigned long session, unsigned long user, void *pin, unsigned long length) {
    hang_if("hang-login");
    if (wrong_pins() >= MOST_TRIES) return 0xA4;
    rv result = ((rv (*)(unsigned long, unsigned long, void *, unsigned long))real->function[LOGIN])(
        session, user, pin, length);
    FILE *count = result == 0xA0 ? fopen(path_of("wrong-pins"), "a") : NULL;
    if (count) {
        fputc('x', count);
        fclose(count);
    }
    return wrong_pins() >= MOST_TRIES ? 0xA4 : result;
}

static rv sign(unsigned long session, void *data, unsigned long length, unsigned char *signature,
               unsigned long *size) {
    printf("{\"signature\": \"modules print\"}\n");
    fflush(stdout);
    hang_if("hang-sign");
    if (ordered("crash-sign")) abort();
    if (ordered("lose-device")) return 0x32;
    rv result = ((rv (*)(unsigned long, void *, unsigned long, void *, void *))real->function[SIGN])(
        session, data, length, signature, size);
    if (result == 0 && signature && ordered("garble-sign")) signature[*size - 1] ^= 1;
    return result;
}

rv C_GetFunctionList(struct list **out) {
    if (!real) {
        void *module = dlopen(REAL, RTLD_NOW);
        if (!module) return 0x5;
        ((rv (*)(struct list **))dlsym(module, "C_GetFunctionList"))(&real);
        mine = *real;
        mine.function[INITIALIZE] = initialize;
        mine.function[GET_TOKEN_INFO] = get_token_info;
        mine.function[LOGIN] = login;
        mine.function[SIGN] = sign;
    }
    *out = &mine;
    return 0;
}
"""


@dataclass(frozen=True)
class FaultyToken:
    """A token behind a module that hangs, crashes or garbles on order, and locks after three wrong PINs."""

    token: SoftToken
    orders: Path

    def order(self, what: str) -> None:
        """From now on.

        Known are hang-initialize, hang-login, hang-sign, crash-sign, garble-sign, lose-device, hide-flags.
        """
        (self.orders / what).touch()

    def withdraw(self, what: str) -> None:
        """No more of it."""
        (self.orders / what).unlink()

    @property
    def wrong_pins(self) -> int:
        """How many wrong PINs the module was given."""
        count = self.orders / "wrong-pins"
        return count.stat().st_size if count.exists() else 0


@contextmanager
def faulty_token(folder: Path) -> Iterator[FaultyToken]:
    """A SoftHSM2 token behind a real module of our own, which is compiled on the spot."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("missing on this machine: a C compiler")
    with soft_token(folder) as token:
        orders, source, module = folder / "orders", folder / "faulty.c", folder / "faulty.so"
        orders.mkdir()
        source.write_text(_FAULTY)
        macros = [f'-DREAL="{token.module}"', f'-DORDERS="{orders}"']
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-o", str(module), *macros, str(source), "-ldl"],
            check=True,
            capture_output=True,
        )
        yield FaultyToken(replace(token, module=module), orders)


@dataclass(frozen=True)
class Kms:
    """A KMS endpoint that is listening."""

    endpoint: str

    def place(self, key: str, *, timeout: float | None = None) -> str:
        """The URI of a key in it: an id, or `alias/` and a name."""
        return f"aws-kms:{key}?region={REGION}&endpoint={quote(self.endpoint)}" + (
            f"&timeout={timeout}" if timeout else ""
        )

    def client(self) -> KMSClient:
        """A plain client, for what an administrator does."""
        return boto3.client(
            "kms",
            region_name=REGION,
            endpoint_url=self.endpoint,
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )


@contextmanager
def moto_kms() -> Iterator[Kms]:
    """A moto server in a process of its own, and credentials that it takes."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _await(endpoint, server)
        with aws_credentials():
            yield Kms(endpoint)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def aws_credentials() -> Iterator[None]:
    """Credentials in the environment, as the usual AWS chain looks for them, and no others."""
    given = {
        "AWS_ACCESS_KEY_ID": "AKIAFEEDSRVTESTS",
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }
    with environment(given):
        yield


def children() -> list[int]:
    """Processes with a module that this process started, and that still run."""
    gc.collect()
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if b"pkcs11_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def administer(script: str, token: SoftToken, *arguments: str) -> list[str]:
    """What a script says that has the PIN."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(token.module), token.label, PIN, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split("\n")[:-1]


def sign_by(private: PrivateKey, data: bytes = b"a document") -> bytes:
    """A signature as documents bear it, which the public key verifies."""
    public = private.public_key()
    if isinstance(private, rsa.RSAPrivateKey) and isinstance(public, rsa.RSAPublicKey):
        signature = private.sign(data, PKCS1v15(), SHA256())
        public.verify(signature, data, PKCS1v15(), SHA256())
        return signature
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    signature = private.sign(data, ec.ECDSA(SHA256()))
    public.verify(signature, data, ec.ECDSA(SHA256()))
    return signature


def certify(pki: Pki, kind: Kind, public_key: object) -> tuple[x509.Certificate, ...]:
    """A signer's chain for a key that lives elsewhere, under the PKI's own issuing CA."""
    authority = Authority(pki.certificates(kind)["ca"], key(f"{kind}-ca"))
    leaf = issue(SIGNERS[kind], public_key, authority, organisation=pki.organisation, now=pki.at)
    return leaf, authority.certificate


@contextmanager
def environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Variables of this process, until the end of the block."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _await(endpoint: str, server: subprocess.Popen[bytes]) -> None:
    """Until it answers; a server that ends instead, or is silent for a minute, is a failure."""
    patience = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"{endpoint}/moto-api/", timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            assert server.poll() is None, "moto did not start"
            assert time.monotonic() < patience, "moto does not answer"
            time.sleep(0.05)
