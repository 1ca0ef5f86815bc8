"""No error shows a key or a password, whichever way it was set: not in its words, its causes, or its frames."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

import zmqbridge
from zmqbridge import OptionError, SocketOptions
from zmqbridge.options import Secret

HIDDEN = "s3cr3t"
THIS = __file__


def shown_as(value: object) -> str:
    """Return what a tool shows of a value; what is not made yet may have no way to show itself."""
    try:
        return repr(value)
    except AttributeError:
        return ""


def everything_of(error: BaseException) -> str:
    """Return all that a tool may show of an error, but for what this file's own frames hold."""
    shown: list[str] = []
    seen: set[int] = set()
    errors: list[BaseException | None] = [error]
    while errors:
        each = errors.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        errors += [each.__cause__, each.__context__]
        shown += [repr(each), str(each), repr(each.args), repr(vars(each)), repr(pickle.dumps(each))]
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if frame.f_code.co_filename != THIS and "zmqbridge" in frame.f_code.co_filename:
                shown += map(shown_as, frame.f_locals.values())
            elif frame.f_code.co_filename.startswith("<"):
                shown += map(shown_as, frame.f_locals.values())  # what dataclasses generates
    return "\n".join(shown)


@pytest.fixture
def pair() -> Iterator[zmqbridge.Pair]:
    """A connection."""
    context = zmqbridge.Context(linger=0)
    yield context.pair()
    context.close()


KEY = HIDDEN.ljust(40, "x")

SETTINGS: dict[str, Callable[[Any], object]] = {
    "a key of another length": lambda pair: pair.setsockopt(zmq.CURVE_SECRETKEY, HIDDEN.encode()),
    "a key as text": lambda pair: pair.setsockopt(zmq.CURVE_SECRETKEY, HIDDEN),
    "a key of another type": lambda pair: pair.setsockopt(zmq.CURVE_SECRETKEY, bytearray(HIDDEN.encode())),
    "a key in a list": lambda pair: pair.setsockopt(zmq.CURVE_SERVERKEY, [HIDDEN]),
    "the option's number as such": lambda pair: pair.setsockopt(int(zmq.CURVE_PUBLICKEY), HIDDEN.encode()),
    "a password of another type": lambda pair: pair.setsockopt(zmq.PLAIN_PASSWORD, [HIDDEN]),
    "a password that is too long": lambda pair: pair.setsockopt(zmq.PLAIN_PASSWORD, HIDDEN.encode() * 100),
    "a password as an option of a newer libzmq": lambda pair: pair.setsockopt(987_654, HIDDEN.encode()),
    "arguments in the wrong order": lambda pair: pair.setsockopt(HIDDEN.encode(), zmq.PLAIN_PASSWORD),
    "after it was closed": lambda pair: (pair.close(), pair.setsockopt(zmq.CURVE_SECRETKEY, HIDDEN.encode())),
    "a key in the options": lambda pair: SocketOptions(curve_public_key=KEY, curve_secret_key=HIDDEN),
    "a key in the options, of another type": lambda pair: SocketOptions(curve_secret_key=[HIDDEN]),  # type: ignore[call-overload]
    "a key beside another mistake": lambda pair: SocketOptions(linger=-1, curve_secret_key=KEY),
    "a key without its pair": lambda pair: SocketOptions(curve_secret_key=KEY),
    "a key that is no key": lambda pair: pair._link.socket.apply(
        SocketOptions(curve_public_key=b"?" * 40, curve_secret_key=f"{HIDDEN} ~".ljust(40).encode())
    ),
    "a key by a name that is wrong": lambda pair: SocketOptions(curve_secret_kee=KEY),  # type: ignore[call-overload]
    "a password in the options, of another type": lambda pair: SocketOptions(plain_password=[HIDDEN]),  # type: ignore[call-overload]
    "a password without a name": lambda pair: SocketOptions(plain_password=HIDDEN),
    "a password with a zero": lambda pair: SocketOptions(socks_username="me", socks_password=f"{HIDDEN}\0"),
    "a password over options that it does not go with": lambda pair: SocketOptions(
        plain_username="me", plain_password=HIDDEN
    ).over(SocketOptions(plain_server=True), "PAIR"),
    "options as a dictionary": lambda pair: pair._context.pair(options={"curve_secret_key": HIDDEN}),
}


@pytest.mark.parametrize("mistake", SETTINGS.values(), ids=SETTINGS)
def test_mistakes(pair: zmqbridge.Pair, mistake: Callable[[Any], object]) -> None:
    """A key or a password that cannot be used is an error that shows all but the value."""
    with pytest.raises((zmqbridge.ZmqBridgeError, TypeError)) as raised:
        mistake(pair)
    if mistake is not SETTINGS["options as a dictionary"]:  # of which the caller's own frames have more than one
        assert HIDDEN not in everything_of(raised.value)
    assert HIDDEN not in "".join(traceback.format_exception_only(raised.value))
    assert HIDDEN not in str(raised.value)


def test_what_shows_them() -> None:
    """The test of these cases sees what an error shows where nobody takes care."""

    def carelessly(value: str) -> None:
        raise OptionError(f"the value is {value}")

    with pytest.raises(OptionError) as raised:
        carelessly(HIDDEN)
    assert HIDDEN in everything_of(raised.value)


def test_other_values_are_shown(pair: zmqbridge.Pair) -> None:
    """The value of any other option is named, as ever."""
    with pytest.raises(OptionError, match=r"cannot set option .*SUBSCRIBE.* to b'a tag'"):
        pair.setsockopt(zmq.SUBSCRIBE, b"a tag")
    with pytest.raises(OptionError, match=r"an option is a number, such as zmq.SNDHWM, not a str"):
        pair.setsockopt("SNDHWM", 5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"cannot set option 987654 to 5"):
        pair.setsockopt(987_654, 5)


def test_usable_keys_are_set(pair: zmqbridge.Pair) -> None:
    """A key or a password that can be used is set, and read back by whoever asks for it."""
    public, secret = zmq.curve_keypair()
    pair.setsockopt(zmq.PLAIN_PASSWORD, HIDDEN)
    assert pair.getsockopt(zmq.PLAIN_PASSWORD) == HIDDEN.encode()
    pair.setsockopt(zmq.CURVE_PUBLICKEY, public)
    pair.setsockopt(zmq.CURVE_SECRETKEY, secret)


def test_options_keep_theirs_to_themselves() -> None:
    """Options show no key, and are copied, compared and pickled with them: whoever asks for that gets them."""
    options = SocketOptions(curve_public_key=KEY, curve_secret_key=KEY)
    assert HIDDEN not in repr(options)
    assert HIDDEN not in repr(Secret(HIDDEN))
    for same in (copy.copy(options), copy.deepcopy(options), pickle.loads(pickle.dumps(options))):
        assert same == options
        assert same.curve_secret_key == KEY
    assert options != SocketOptions(curve_public_key=KEY, curve_secret_key=KEY.swapcase())


def test_errors_are_pickled_whole() -> None:
    """An error comes out of a pickle as it went in, with its number."""
    error = zmqbridge.EndpointError("the address is in use", 98)
    same = pickle.loads(pickle.dumps(error))
    assert (type(same), str(same), same.errno) == (zmqbridge.EndpointError, "the address is in use", 98)
