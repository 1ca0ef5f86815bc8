"""A pipe that dies in the middle of a message: what libzmq took of it is ended, and the message sent again."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.forcing import before_calls, frame_of
from tests.opened import OpenedSockets
from zmqbridge.socket import FastSocket, Socket

LAST, MORE = int(zmq.DONTWAIT), int(zmq.DONTWAIT | zmq.SNDMORE)

Answers = Callable[[int], int | None]


@contextmanager
def frames_sent(socket: Socket, answers: Answers) -> Iterator[list[tuple[bytes, int]]]:
    """Give the frames that a socket sends, with their flags, to a list, and have some of them answered.

    Args:
        answers: told the number of the call, the errno that it fails with; 0 to send it, and ``None`` to swallow it,
            as libzmq does with what follows on a pipe that died.
    """
    sent: list[tuple[bytes, int]] = []
    if isinstance(socket, FastSocket):
        address = int(socket.raw.underlying)

        def note(handle: int, frame: bytes, flags: int) -> int:
            if handle != address:
                return 0
            sent.append((frame, flags))
            return answers(len(sent) - 1) or 0  # it is not swallowed: the peer sees what libzmq had of the message

        with before_calls(
            zmq_send=lambda handle, data, size, flags: note(handle, ctypes.string_at(data or 0, size), flags),
            zmq_msg_send=lambda message, handle, flags: note(handle, frame_of(message), flags),
        ):
            yield sent
        return
    real = socket.send_frame

    def send_frame(frame: bytes, flags: int) -> object:
        sent.append((frame, flags))
        number = answers(len(sent) - 1)
        if number == errno.EAGAIN:
            raise zmq.Again
        if number:
            raise zmq.ZMQError(number)
        return None if number is None else real(frame, flags)

    socket.send_frame = send_frame
    try:
        yield sent
    finally:
        socket.send_frame = real


@pytest.mark.parametrize("at", [1, 2])
def test_death_in_the_middle_of_a_message(opened: OpenedSockets, kind: type[Socket], at: int) -> None:
    """A pipe that dies in the middle of a message: the message is sent whole, and the next is whole too."""
    push, pull = opened.joined(kind, zmq.PUSH, zmq.PULL)
    message = [b"a", b"b", b"c"]

    def answers(number: int) -> int | None:
        if number == at:
            return errno.EAGAIN
        # What is ahead of it is dropped with the pipe; what ends it is swallowed.
        return 0 if number > 2 or (at == 2 and number == 3) else None

    with frames_sent(push, answers) as sent:
        assert push.send(message)
        assert push.send([b"next"])
    ends = [(b"", LAST)] if at == 1 else []
    again = [(b"a", MORE), (b"b", MORE), (b"c", LAST), (b"next", LAST)]
    assert sent == [*again[:at], again[at], *ends, *again]
    dropped = [[b"a", b""]] if at == 1 else [[b"a", b"b", *message]]
    arrived = [message, [b"next"]]
    if isinstance(push, FastSocket):
        arrived = [*dropped, *arrived] if at == 1 else [*dropped, [b"next"]]
    assert pull.receive(10) == (arrived, True)


@pytest.mark.parametrize(
    ("socket_type", "ends"),
    [(zmq.DEALER, True), (zmq.PUSH, True), (zmq.PAIR, False)],
    ids=["DEALER", "PUSH", "PAIR"],
)
def test_the_end_of_what_was_swallowed(opened: OpenedSockets, kind: type[Socket], socket_type: int, ends: bool) -> None:
    """If libzmq takes the first frames of a message and then no more, it is made to forget them; a pair has by then."""
    peer = {zmq.DEALER: zmq.DEALER, zmq.PUSH: zmq.PULL, zmq.PAIR: zmq.PAIR}[zmq.SocketType(socket_type)]
    one, _ = opened.joined(kind, socket_type, peer)
    with frames_sent(one, lambda number: errno.EAGAIN if number == 2 else 0) as sent:
        assert one.send([b"a", b"b", b"c", b"d"])
    again = [(b"a", MORE), (b"b", MORE), (b"c", MORE), (b"d", LAST)]
    assert sent == [*again[:3], *([(b"", LAST)] if ends else []), *again]


def test_the_end_is_interrupted(opened: OpenedSockets, extension: Any) -> None:
    """A signal in the call that ends what was swallowed is no error: the extension makes it again, as pyzmq does."""
    push, _ = opened.joined(FastSocket, zmq.PUSH, zmq.PULL)
    numbers = {1: errno.EAGAIN, 2: errno.EINTR, 3: errno.EINTR}
    with frames_sent(push, lambda number: numbers.get(number, 0)) as sent:
        assert push.send([b"a", b"b", b"c"])
    assert sent == [
        *[(b"a", MORE), (b"b", MORE)],
        *[(b"", LAST)] * 3,
        *[(b"a", MORE), (b"b", MORE), (b"c", LAST)],
    ]


@pytest.mark.parametrize("number", [int(zmq.ETERM), int(zmq.ENOTSOCK), errno.EAGAIN])
def test_the_end_fails(opened: OpenedSockets, kind: type[Socket], number: int) -> None:
    """A failure of the call that ends what was swallowed is reported as any other."""
    push, _ = opened.joined(kind, zmq.PUSH, zmq.PULL)
    numbers = {1: errno.EAGAIN, 2: number}
    expected = {int(zmq.ETERM): zmqbridge.ContextTerminated, int(zmq.ENOTSOCK): zmqbridge.ConnectionClosed}
    with (
        frames_sent(push, lambda number: numbers.get(number, 0)) as sent,
        pytest.raises(expected.get(number, zmqbridge.ZmqBridgeError)),
    ):
        push.send([b"a", b"b", b"c"])
    assert sent == [(b"a", MORE), (b"b", MORE), (b"", LAST)]
