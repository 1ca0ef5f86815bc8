"""ZAP's requests and replies, and what policies say, without a socket."""

from __future__ import annotations

import ipaddress
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zmqbridge
from tests.test_secrets import everything_of
from zmqbridge import Handshake, KeyPair, OptionError
from zmqbridge.options import Secret
from zmqbridge.security.directory import Directory
from zmqbridge.security.policies import keys_of, networks_of, passwords_of
from zmqbridge.security.zap import Question, Status, Verdict, accepted, read, reply

HIDDEN = "s3cr3t"
KEY = KeyPair.generate()
HEAD = [b"route", b"", b"1.0", b"7"]
ABOUT = [b"lab", b"10.0.0.1", b"door"]


def test_requests_of_each_mechanism() -> None:
    """A request says who wants to come in, by each mechanism."""
    told = {
        (b"NULL",): Handshake("NULL", "lab", "10.0.0.1", b"door"),
        (b"PLAIN", b"ada", b"x"): Handshake("PLAIN", "lab", "10.0.0.1", b"door", username="ada", password="x"),
        (b"CURVE", KEY.public_bytes): Handshake("CURVE", "lab", "10.0.0.1", b"door", public_key=KEY.public),
        (b"GSSAPI", b"ada@LAB"): Handshake("GSSAPI", "lab", "10.0.0.1", b"door", principal="ada@LAB"),
    }
    for credentials, handshake in told.items():
        assert read([*HEAD, *ABOUT, *credentials]) == Question(b"route", b"7", handshake)


NONSENSE: dict[str, list[bytes]] = {
    "another version": [b"route", b"", b"2.0", b"7", *ABOUT, b"NULL"],
    "no mechanism": [*HEAD, *ABOUT],
    "a NULL peer with credentials": [*HEAD, *ABOUT, b"NULL", b"x"],
    "a user without a password": [*HEAD, *ABOUT, b"PLAIN", b"ada"],
    "a password too many": [*HEAD, *ABOUT, b"PLAIN", b"ada", b"x", b"y"],
    "half a key": [*HEAD, *ABOUT, b"CURVE", b"x" * 31],
    "no key": [*HEAD, *ABOUT, b"CURVE"],
    "bytes that are no text": [*HEAD, *ABOUT, b"PLAIN", b"\xff", b"\xfe"],
    "a domain that is no text": [*HEAD, b"\xff", b"", b"", b"NULL"],
}


@pytest.mark.parametrize("frames", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_answered_and_judged_by_nobody(frames: list[bytes]) -> None:
    """A request that makes no sense has no handshake, and can be answered."""
    assert read(frames) == Question(b"route", b"7", None)


@pytest.mark.parametrize("frames", [[], [b"route"], [b"route", b"", b"1.0"], [b"route", b"x", b"1.0", b"7"]])
def test_what_is_no_request(frames: list[bytes]) -> None:
    """Frames without an envelope are not answered."""
    assert read(frames) is None


def test_replies() -> None:
    """A reply is ZAP's, and names a user only where the answer is yes."""
    question = Question(b"route", b"7", None)
    yes = Verdict(Status.OK, user_id="ada")
    assert reply(question, yes) == [b"route", b"", b"1.0", b"7", b"200", b"OK", b"ada", b""]
    for status, code in ((Status.AGAIN, b"300"), (Status.REFUSED, b"400"), (Status.MALFORMED, b"500")):
        assert reply(question, Verdict(status, "a secret reason", "ada"))[4:] == [code, status.name.encode(), b"", b""]


def test_answers_of_a_function() -> None:
    """True and a name are a yes; False and None are a no; all else is a mistake."""
    assert accepted(True, "key", "authorize") == Verdict(Status.OK, user_id="key")
    assert accepted("ada", "key", "authorize") == Verdict(Status.OK, user_id="ada")
    assert accepted("x" * 255, "key", "authorize").status is Status.OK
    assert accepted(False, "key", "authorize") == accepted(None, "", "authorize")
    assert accepted(False, "key", "authorize").status is Status.REFUSED
    for wrong in (1, 0, b"ada", [], object(), 1.0):
        with pytest.raises(TypeError, match="authorize returned a"):
            accepted(wrong, "key", "authorize")
    for wrong in ("", "x" * 256, "\xe9" * 128):
        with pytest.raises(ValueError, match="has 1 to 255 bytes"):
            accepted(wrong, "key", "authorize")


def test_a_handshake_hides_its_password() -> None:
    """The password of a handshake is for whoever asks for it alone."""
    handshake = Handshake("PLAIN", "lab", username="ada", password=HIDDEN)
    assert handshake.password == HIDDEN
    assert HIDDEN not in repr(handshake)
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(handshake)


def test_keys_in_a_set() -> None:
    """Keys are known as text and as bytes, by name in a mapping; what the caller changes later does not count."""
    given = {KEY.public}
    known = keys_of(given)
    given.clear()
    assert (known(KEY.public), known("x" * 40)) == (KEY.public, None)
    assert keys_of([KEY.public_bytes, KEY.public.encode()])(KEY.public) == KEY.public
    assert keys_of({KEY.public_bytes: "ada"})(KEY.public) == "ada"
    assert keys_of(())(KEY.public) is None


def test_networks() -> None:
    """Networks are given as text or as such, one or several."""
    assert networks_of("10.0.0.0/8") == networks_of([ipaddress.ip_network("10.0.0.0/8")])
    assert networks_of(["::1", "10.0.0.1"]) == (ipaddress.ip_network("::1"), ipaddress.ip_network("10.0.0.1"))


MISTAKES: dict[str, Callable[[zmqbridge.Context], object]] = {
    "no policy": lambda context: context.authenticator("lab"),
    "no domain": lambda context: context.authenticator("", keys=()),
    "a domain of bytes": lambda context: context.authenticator(b"lab", keys=()),  # type: ignore[arg-type]
    "no keys": lambda context: context.authenticator("lab", keys=5),  # type: ignore[arg-type]
    "a key that is none": lambda context: context.authenticator("lab", keys={"half a key"}),
    "a key alone": lambda context: context.authenticator("lab", keys=b"x" * 40),  # type: ignore[arg-type]
    "a key with a strange name": lambda context: context.authenticator("lab", keys={KEY.public: ""}),
    "half a character": lambda context: context.authenticator("lab", keys={KEY.public: "\ud800"}),
    "no passwords": lambda context: context.authenticator("lab", passwords=[HIDDEN]),  # type: ignore[arg-type]
    "a password that is none": lambda c: c.authenticator("lab", passwords={"ada": HIDDEN.encode()}),  # type: ignore[dict-item]
    "a long password": lambda context: context.authenticator("lab", passwords={"ada": HIDDEN * 90}),
    "an empty password": lambda context: context.authenticator("lab", passwords={"eve": HIDDEN, "ada": ""}),
    "a user that is none": lambda context: context.authenticator("lab", passwords={5: HIDDEN}),  # type: ignore[dict-item]
    "a network that is none": lambda context: context.authenticator("lab", networks="10.0.0.1/8"),
    "networks of another type": lambda context: context.authenticator("lab", networks=[None]),  # type: ignore[list-item]
    "no function": lambda context: context.authenticator("lab", authorize=True),  # type: ignore[arg-type]
    "no time": lambda c: c.authenticator("lab", passwords={"ada": HIDDEN}, timeout=0),
    "for ever": lambda context: context.authenticator("lab", keys=(), timeout=float("inf")),
    "nobody asks": lambda context: context.authenticator("lab", keys=(), concurrency=0),
    "half of one asks": lambda context: context.authenticator("lab", keys=(), concurrency=True),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(mistake: Callable[[zmqbridge.Context], object]) -> None:
    """What an authenticator cannot be made with is an OptionError, which shows no password and no key."""
    context = zmqbridge.Context()
    with pytest.raises(OptionError) as raised:
        mistake(context)
    assert HIDDEN not in everything_of(raised.value)
    context.close()


def test_passwords_show_nothing() -> None:
    """An authenticator with passwords shows none of them."""
    context = zmqbridge.Context()
    authenticator = context.authenticator("lab", passwords={"ada": HIDDEN})
    assert HIDDEN not in repr(authenticator)
    assert passwords_of(Secret({"ada": HIDDEN})) == {"ada": HIDDEN.encode()}
    context.close()


# --- a directory ---


class Clock:
    """A clock that the case sets, in nanoseconds."""

    def __init__(self) -> None:
        self.now = 10**18

    def __call__(self) -> int:
        return self.now


def put(path: Path, keys: KeyPair, changed: int | None = None) -> None:
    keys.save(path, overwrite=True)
    if changed is not None:
        os.utime(path, ns=(changed, changed))


def test_a_directory_is_read_once(tmp_path: Path) -> None:
    """Nothing is read again while nothing changes, once the times of the files are old enough to tell."""
    clock = Clock()
    old = clock.now - 10**11 + 1
    for number in range(3):
        put(tmp_path / f"{number}.key", KeyPair.generate(), old)
    os.utime(tmp_path, ns=(old, old))
    directory = Directory(tmp_path, clock)
    first = directory.keys()
    assert len(first) == 3
    assert [directory.keys() == first for _ in range(5)] == [True] * 5
    assert directory.reads == 3
    put(tmp_path / "new.key", KEY, old)
    os.utime(tmp_path, ns=(old + 1, old + 1))
    assert KEY.public in directory.keys()  # noqa: SIM118
    assert directory.reads == 4


@pytest.mark.parametrize("grain", [1, 10**6, 10**9])
def test_changes_within_a_grain(tmp_path: Path, grain: int) -> None:
    """Two changes that have the same time are both seen: the look in between is repeated."""
    clock = Clock()
    now = clock.now
    put(tmp_path / "a.key", KEY)
    os.utime(tmp_path / "a.key", ns=(now, now))
    os.utime(tmp_path, ns=(now, now))
    clock.now += grain // 1000
    directory = Directory(tmp_path, clock)
    assert directory.keys() == {KEY.public}
    (tmp_path / "a.key").unlink()
    os.utime(tmp_path, ns=(now, now))
    assert directory.keys() == frozenset()


def test_what_is_no_key_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Files that are no certificates let nobody in, and keep nobody out; each is logged once a burst."""
    KEY.save(tmp_path / "a.key")
    (tmp_path / "b.key").write_text(f'curve\n    public-key = "{HIDDEN}"\n')
    (tmp_path / "c.key").mkdir()
    (tmp_path / "d.key").symlink_to(tmp_path / "nowhere")
    (tmp_path / "e.txt").write_text("curve\n")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "f.key")
    directory = Directory(tmp_path)
    assert [directory.keys() for _ in range(3)] == [{KEY.public}] * 3
    assert len(caplog.records) == 3 - (not hasattr(os, "mkfifo"))
    assert HIDDEN not in caplog.text


def test_a_directory_that_goes_and_comes(tmp_path: Path) -> None:
    """A directory that cannot be read is an error each time, and its keys are not remembered."""
    folder = tmp_path / "keys"
    directory = Directory(folder)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            directory.keys()
        folder.mkdir()
        KEY.save(folder / "a.key")
        assert directory.keys() == {KEY.public}
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_what_was_changed_while_a_directory_was_gone(tmp_path: Path) -> None:
    """A directory that is back is read anew, though its own time is what it was."""
    clock = Clock()
    old = clock.now - 10**11 + 1
    folder, away = tmp_path / "keys", tmp_path / "away"
    folder.mkdir()
    put(folder / "a.key", KeyPair.generate(), old)
    os.utime(folder, ns=(old, old))
    directory = Directory(folder, clock)
    assert KEY.public not in directory.keys()  # noqa: SIM118
    folder.rename(away)
    with pytest.raises(FileNotFoundError):
        directory.keys()
    put(away / "a.key", KEY, old)
    os.utime(away, ns=(old, old))
    away.rename(folder)
    assert directory.keys() == {KEY.public}


def test_names_of_the_package(tmp_path: Path) -> None:
    """What users need of the package is to be had from zmqbridge itself."""
    names: list[Any] = [zmqbridge.Authenticator, zmqbridge.AuthenticationStats, zmqbridge.Handshake, zmqbridge.KeyPair]
    assert all(each.__module__.startswith("zmqbridge.security.") for each in names)
