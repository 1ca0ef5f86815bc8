"""A pair of keys: what is written, what is read, and what is shown of it."""

from __future__ import annotations

import copy
import os
import pickle
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
import zmq.auth

from tests.test_secrets import everything_of
from zmqbridge import CertificateError, KeyPair, SocketOptions
from zmqbridge.security import z85

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")


@pytest.fixture
def keys() -> KeyPair:
    """A pair."""
    return KeyPair.generate()


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes no permission away."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_text_and_bytes_are_one_key(keys: KeyPair) -> None:
    """A key can be given and had as text and as bytes, and options take both."""
    same = KeyPair(keys.public_bytes, keys.secret_bytes)
    assert (same.public, same.secret, same) == (keys.public, keys.secret, keys)
    assert KeyPair(keys.public.encode(), keys.secret.encode()) == keys
    assert (len(keys.public_bytes), len(keys.secret_bytes)) == (32, 32)
    SocketOptions(curve_public_key=keys.public_bytes, curve_secret_key=keys.secret)


def test_z85_is_that_of_the_rfc() -> None:
    """The example of RFC 32 reads and writes as it says, and what is no Z85 is none."""
    octets = bytes.fromhex("864FD26FB559F75B")
    assert (z85.encode(octets), z85.decode("HelloWorld")) == ("HelloWorld", octets)
    assert [z85.decode(text) for text in ("Hello World", "Hell", "~~~~~", "#####", "")] == [None, None, None, None, b""]


def test_equality(keys: KeyPair) -> None:
    """Pairs are equal if their keys are, as their hashes are; nothing else equals a pair."""
    assert keys != KeyPair.generate()
    assert keys != keys.public
    assert len({keys, KeyPair(keys.public, keys.secret)}) == 1


@pytest.mark.usefixtures("open_umask")
@posix
def test_a_saved_pair_is_its_owners_alone(keys: KeyPair, tmp_path: Path) -> None:
    """Whatever the umask is, others can read the public file and not the secret one."""
    keys.save(tmp_path / "server.key")
    assert mode_of(tmp_path / "server.key_secret") == 0o600
    assert mode_of(tmp_path / "server.key") == 0o644
    assert sorted(os.listdir(tmp_path)) == ["server.key", "server.key_secret"]
    assert keys.secret not in (tmp_path / "server.key").read_text()


@pytest.mark.usefixtures("open_umask")
@posix
def test_it_is_so_from_the_first_byte(keys: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment is there a file with a secret that others can open, also where one is replaced."""
    keys.save(tmp_path / "k")
    os.chmod(tmp_path / "k_secret", 0o666)
    seen: list[int] = []
    real = os.fdopen

    def opened(descriptor: int, *args: object, **more: object) -> object:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real(descriptor, *args, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fdopen", opened)
    keys.save(tmp_path / "k", overwrite=True)
    assert seen == [0o600, 0o600]
    assert mode_of(tmp_path / "k_secret") == 0o600


@pytest.mark.parametrize("there", ["k", "k_secret"])
def test_nothing_is_written_over(keys: KeyPair, tmp_path: Path, there: str) -> None:
    """A file that is there is left as it is, with no other beside it, unless the caller says so."""
    (tmp_path / there).write_text("precious")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        keys.save(tmp_path / "k")
    assert os.listdir(tmp_path) == [there]
    assert (tmp_path / there).read_text() == "precious"
    keys.save(tmp_path / "k", overwrite=True)
    assert KeyPair.load(tmp_path / "k") == keys


def test_one_of_many_who_save_at_once_wins(tmp_path: Path) -> None:
    """Where several save under one name at once, one does, and the two files are of one pair."""
    saved: list[KeyPair] = []
    pairs = [KeyPair.generate() for _ in range(8)]
    start = threading.Barrier(len(pairs))

    def save(pair: KeyPair) -> None:
        start.wait()
        try:
            pair.save(tmp_path / "k")
        except FileExistsError:
            return
        saved.append(pair)

    threads = [threading.Thread(target=save, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved) == 1
    assert KeyPair.load(tmp_path / "k") == saved[0]
    assert KeyPair.load_public(tmp_path / "k") == saved[0].public
    assert len(os.listdir(tmp_path)) == 2


def test_it_is_loaded_with_its_metadata(keys: KeyPair, tmp_path: Path) -> None:
    """What was saved is loaded by either name, with what was said beside it."""
    keys.save(tmp_path / "k", metadata={"name": "The lab = #1", "email": "a@b"})
    for name in ("k", "k_secret"):
        loaded = KeyPair.load(tmp_path / name)
        assert loaded == keys
        assert loaded.metadata == {"name": "The lab = #1", "email": "a@b"}
    assert KeyPair.load_public(str(tmp_path / "k")) == keys.public
    loaded.save(tmp_path / "again")
    assert KeyPair.load(tmp_path / "again").metadata == loaded.metadata


@posix
def test_what_others_can_read_is_not_loaded(keys: KeyPair, tmp_path: Path) -> None:
    """A secret that others can read or write is an error that says what to do, unless the caller allows it."""
    keys.save(tmp_path / "k")
    for mode in (0o640, 0o604, 0o620, 0o602):
        os.chmod(tmp_path / "k_secret", mode)
        with pytest.raises(CertificateError, match=rf"mode {mode:o}\); say 'chmod 600 ") as raised:
            KeyPair.load(tmp_path / "k")
        assert keys.secret not in everything_of(raised.value)
    assert KeyPair.load(tmp_path / "k", allow_readable=True) == keys


def test_pyzmq_reads_what_is_saved(keys: KeyPair, tmp_path: Path) -> None:
    """pyzmq's zmq.auth loads both files, and a directory of them, as its own."""
    keys.save(tmp_path / "k.key", metadata={"name": "lab"})
    assert zmq.auth.load_certificate(tmp_path / "k.key") == (keys.public.encode(), None)
    assert zmq.auth.load_certificate(tmp_path / "k.key_secret") == (keys.public.encode(), keys.secret.encode())
    assert list(zmq.auth.load_certificates(tmp_path)) == [keys.public.encode()]


def test_what_pyzmq_writes_is_read(tmp_path: Path) -> None:
    """A pair that pyzmq's zmq.auth made is loaded; it may be readable for others, as pyzmq leaves it."""
    public, secret = zmq.auth.create_certificates(tmp_path, "k", {"organisation": "lab"})
    loaded = KeyPair.load(secret, allow_readable=True)
    assert KeyPair.load_public(public) == loaded.public
    assert zmq.auth.load_certificate(secret) == (loaded.public.encode(), loaded.secret.encode())
    assert loaded.metadata == {"organisation": "lab"}


def test_what_czmq_writes_is_read(keys: KeyPair, tmp_path: Path) -> None:
    """A certificate in the layout of czmq's zcert_save is loaded, its comments and its quotes as they are."""
    (tmp_path / "c_secret").write_text(
        "#   ****  Generated on 2026-01-01 00:00:00 by CZMQ  ****\n#   ZeroMQ CURVE **Secret** Certificate\n\n"
        "metadata\n    name = 'Doctor \"Who\"'\n    plain = value # a comment\n"
        f'curve\n    public-key = "{keys.public}"\n    secret-key = "{keys.secret}"\n'
    )
    os.chmod(tmp_path / "c_secret", 0o600)
    loaded = KeyPair.load(tmp_path / "c")
    assert loaded == keys
    assert loaded.metadata == {"name": 'Doctor "Who"', "plain": "value"}


BAD_FILES: dict[str, Callable[[KeyPair], str]] = {
    "nothing": lambda keys: "",
    "no secret": lambda keys: f'curve\n    public-key = "{keys.public}"\n',
    "no public": lambda keys: f'curve\n    secret-key = "{keys.secret}"\n',
    "half a key": lambda keys: f'curve\n    public-key = "{keys.public}"\n    secret-key = "{keys.secret[:20]}"\n',
    "another's": lambda keys: (
        f'curve\n    public-key = "{KeyPair.generate().public}"\n    secret-key = "{keys.secret}"\n'
    ),
    "twice": lambda keys: (
        f'curve\n    public-key = "{keys.public}"\n    secret-key = "{keys.secret}"\n    secret-key = "{keys.secret}"\n'
    ),
    "in another section": lambda keys: f'other\n    public-key = "{keys.public}"\n    secret-key = "{keys.secret}"\n',
    "much": lambda keys: f'curve\n    public-key = "{keys.public}"\n    secret-key = "{keys.secret}"\n' + "#" * 70_000,
}


@pytest.mark.parametrize("layout", BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_none(keys: KeyPair, tmp_path: Path, layout: Callable[[KeyPair], str]) -> None:
    """A file without a pair of keys is an error that shows nothing of it but its name."""
    (tmp_path / "k").write_text(layout(keys))
    os.chmod(tmp_path / "k", 0o600)
    with pytest.raises(CertificateError) as raised:
        KeyPair.load(tmp_path / "k")
    assert keys.secret[:20] not in everything_of(raised.value)


@posix
def test_a_fifo_is_no_certificate(tmp_path: Path) -> None:
    """A fifo is refused at once instead of waited for."""
    os.mkfifo(tmp_path / "k", 0o600)
    with pytest.raises(CertificateError, match="is no file"):
        KeyPair.load(tmp_path / "k")
    with pytest.raises(FileNotFoundError):
        KeyPair.load(tmp_path / "missing")


MISTAKES: dict[str, Callable[[KeyPair, Path], object]] = {
    "a short secret": lambda keys, path: KeyPair(keys.public, keys.secret[:-1]),
    "a secret that is no Z85": lambda keys, path: KeyPair(keys.public, keys.secret[:-1] + "~"),
    "a secret of another type": lambda keys, path: KeyPair(keys.public, [keys.secret]),  # type: ignore[arg-type]
    "a short public key": lambda keys, path: KeyPair(keys.public[1:], keys.secret),
    "the wrong way round": lambda keys, path: KeyPair(keys.secret, keys.public),
    "another's public key": lambda keys, path: KeyPair(KeyPair.generate().public, keys.secret),
    "metadata of two lines": lambda keys, path: keys.save(path / "k", metadata={"a": "b\nc"}),
    "metadata with a strange name": lambda keys, path: keys.save(path / "k", metadata={"a b": "c"}),
    "metadata that is no text": lambda keys, path: keys.save(path / "k", metadata={"a": 1}),  # type: ignore[dict-item]
    "a directory that is missing": lambda keys, path: keys.save(path / "none" / "k"),
    "a pickle": lambda keys, path: pickle.dumps(keys),
    "a pickle of what holds them": lambda keys, path: pickle.dumps({"keys": [keys]}),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_no_error_shows_a_secret(keys: KeyPair, tmp_path: Path, mistake: Callable[[KeyPair, Path], object]) -> None:
    """Whatever cannot be done with a pair is an error without the secret key, in its words, causes and frames."""
    with pytest.raises((CertificateError, OSError, TypeError)) as raised:
        mistake(keys, tmp_path)
    shown = everything_of(raised.value)
    assert keys.secret[:-1] not in shown
    assert repr(keys.secret_bytes)[2:-1] not in shown
    assert os.listdir(tmp_path) == []


def test_it_shows_its_public_key_alone(keys: KeyPair) -> None:
    """A pair shows its public key; a copy of one that cannot be changed is itself."""
    assert keys.public in repr(keys)
    for shown in (repr(keys), str(keys), f"{keys}", f"{keys!s:>10}", repr([keys])):
        assert keys.secret not in shown
    assert copy.copy(keys) is copy.deepcopy(keys) is keys
    with pytest.raises(AttributeError):
        keys.secret = "x"  # type: ignore[misc]


def test_loading_needs_no_loop(keys: KeyPair, tmp_path: Path) -> None:
    """A program that only makes keys imports no event loop."""
    program = "import sys, zmqbridge; zmqbridge.KeyPair; print({'trio', 'twisted'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "set()"
