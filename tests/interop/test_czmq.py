"""czmq's certificates: what either library writes the other reads, and who has such a one comes in.

czmq is in a process of its own, for it brings its own libzmq. ``CZMQ_LIBRARY`` names its file, where it is not the
system's.
"""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from tests.conformance.harnesses.base import Harness
from tests.conformance.knocking import IN, REFUSED, Knocker
from zmqbridge import KeyPair, SocketOptions

LIBRARY = os.environ.get("CZMQ_LIBRARY") or ctypes.util.find_library("czmq")

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="czmq is not installed; CZMQ_LIBRARY may name its file")

PROGRAM = """
import ctypes, json, sys

library, verb, path, *about = sys.argv[1:]
czmq = ctypes.CDLL(library)
for name in ("zcert_new", "zcert_load"):
    getattr(czmq, name).restype = ctypes.c_void_p
for name in ("zcert_public_txt", "zcert_secret_txt", "zcert_meta"):
    getattr(czmq, name).restype = ctypes.c_char_p
certificate = ctypes.c_void_p(czmq.zcert_new() if verb == "save" else czmq.zcert_load(path.encode()))
assert certificate.value, "czmq cannot read it"
if verb == "save":
    for line in about:
        name, _, value = line.partition("=")
        czmq.zcert_set_meta(certificate, name.encode(), b"%s", value.encode())
    assert czmq.zcert_save(certificate, path.encode()) == 0
print(json.dumps({
    "public": czmq.zcert_public_txt(certificate).decode(),
    "secret": czmq.zcert_secret_txt(certificate).decode(),
    "metadata": {name: (czmq.zcert_meta(certificate, name.encode()) or b"").decode() for name in ("name", "email")},
}))
"""


def czmq(verb: str, path: Path, *about: str) -> dict[str, object]:
    """Have czmq save a new certificate, or load one; return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(LIBRARY), verb, str(path), *about],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_what_it_saves_is_loaded(tmp_path: Path) -> None:
    """A pair that czmq has saved is loaded from either of its files, with its metadata."""
    said = czmq("save", tmp_path / "ada", "name=Ada L.", "email=ada@example.org")
    for name in ("ada", "ada_secret"):
        pair = KeyPair.load(tmp_path / name)
        assert (pair.public, pair.secret, pair.metadata) == (said["public"], said["secret"], said["metadata"])
    assert KeyPair.load_public(tmp_path / "ada") == pair.public


def test_it_loads_what_is_saved(tmp_path: Path) -> None:
    """A pair that is saved here is loaded by czmq, with its metadata; from its public file without the secret."""
    pair = KeyPair.generate()
    metadata = {"name": "Ada L.", "email": "ada@example.org"}
    pair.save(tmp_path / "ada.key", metadata=metadata)
    said = czmq("load", tmp_path / "ada.key")
    assert (said["public"], said["secret"], said["metadata"]) == (pair.public, pair.secret, metadata)
    (tmp_path / "ada.key_secret").unlink()
    said = czmq("load", tmp_path / "ada.key")
    assert said["public"] == pair.public
    assert said["secret"] == "0" * 40


async def test_its_certificates_let_in(loop: Harness, tmp_path: Path) -> None:
    """Who has a pair that czmq made comes in by its public file in the directory, and nobody else does."""
    czmq("save", tmp_path / "ada.key")
    ada, server = KeyPair.load(tmp_path / "ada.key"), KeyPair.generate()
    async with loop.context() as context, context.authenticator("lab", keys=tmp_path):
        options = SocketOptions.curve_as_server(server, domain="lab")
        puller = context.puller(bind="tcp://127.0.0.1:*", options=options)
        address = puller.endpoints[0].address
        with (
            Knocker.with_keys(address, ada, server.public, kind=zmq.PUSH) as client,
            Knocker.with_keys(address, KeyPair.generate(), server.public, kind=zmq.PUSH) as stranger,
        ):
            client.socket.send(b"hello")
            assert await puller.receive() == [b"hello"]
            await loop.until(lambda: stranger.hears(REFUSED, IN))
            assert stranger.told == [REFUSED]
