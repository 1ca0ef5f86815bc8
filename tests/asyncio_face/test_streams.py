"""Streams: callbacks for each message that comes and goes, in the shape that pyzmq's ZMQStream documents."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import zmq
import zmq.asyncio

import zmqbridge_asyncio
from tests.asyncio_face.conftest import Run
from tests.asyncio_face.ends import Ends, arrive, turns
from tests.asyncio_face.test_cancelling import cancel_when_done, keep
from zmqbridge_asyncio import ZMQStream


class Heard(list[Any]):
    """Notes what a callback was called with, and tells whoever waits for so much."""

    def __call__(self, *arguments: Any) -> None:
        self.append(arguments[0] if len(arguments) == 1 else arguments)

    async def have(self, count: int) -> None:
        """Return once it was called so often."""
        await until(lambda: len(self) >= count)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until a condition holds; the case's limit ends it."""
    while not condition():  # noqa: ASYNC110 (any condition)
        await asyncio.sleep(0)


class Streams:
    """Makes streams, each on a socket of the ends."""

    def __init__(self, ends: Ends, *, plain: bool) -> None:
        self.ends = ends
        self.kind: dict[str, Any] = {"socket_class": zmq.Socket} if plain else {}

    def on(self, kind: int) -> ZMQStream:
        """Return a stream on a new socket."""
        socket = self.ends.context.socket(kind, **self.kind)
        socket.linger = 0
        self.ends._made.append(socket)
        return ZMQStream(socket)

    def joined(self, first: int = zmq.PUSH, second: int = zmq.PULL, mark: int | None = None) -> Any:
        """Return two streams, the second connected to the first."""
        one, other = self.on(first), self.on(second)
        if mark is not None:
            for stream in (one, other):
                stream.setsockopt(zmq.SNDHWM, mark)
                stream.setsockopt(zmq.RCVHWM, mark)
        port = one.bind_to_random_port("tcp://127.0.0.1")
        other.connect(f"tcp://127.0.0.1:{port}")
        return one, other


@pytest.fixture(params=[True, False], ids=["plain", "with futures"])
def streams(request: pytest.FixtureRequest, ends: Ends) -> Streams:
    """Makes streams, on plain sockets and on those with futures."""
    return Streams(ends, plain=request.param)


def test_messages_are_handed_over(run: Run, turn_limit: int, streams: Streams) -> None:
    """on_recv calls a function with each message, a list of its frames, in order and once."""

    async def main() -> None:
        push, pull = streams.joined()
        heard = Heard()
        pull.on_recv(heard)
        for number in range(1000):
            push.send_multipart([b"%d" % number, b"end"])
        await heard.have(1000)
        assert heard == [[b"%d" % number, b"end"] for number in range(1000)]
        assert pull.receiving()
        assert not push.receiving()

    run(main())


def test_what_came_before(run: Run, streams: Streams) -> None:
    """What came before the callback was set is handed over to it."""

    async def main() -> None:
        push, pull = streams.joined()
        push.send(b"early")
        await until(lambda: pull.socket.get(zmq.EVENTS) & zmq.POLLIN)
        heard = Heard()
        pull.on_recv(heard)
        await heard.have(1)
        assert heard == [[b"early"]]

    run(main())


def test_frames_that_are_not_copied(run: Run, streams: Streams) -> None:
    """With copy=False a callback gets zmq.Frame objects."""

    async def main() -> None:
        push, pull = streams.joined()
        heard = Heard()
        pull.on_recv(heard, copy=False)
        push.send_multipart([b"a", b"b"])
        await heard.have(1)
        assert [type(frame) for frame in heard[0]] == [zmq.Frame] * 2
        assert [frame.bytes for frame in heard[0]] == [b"a", b"b"]

    run(main())


def test_the_stream_as_an_argument(run: Run, streams: Streams) -> None:
    """on_recv_stream and on_send_stream hand over the stream as the first argument."""

    async def main() -> None:
        push, pull = streams.joined()
        received, sent = Heard(), Heard()
        pull.on_recv_stream(received)
        push.on_send_stream(sent)
        push.send(b"a")
        await received.have(1)
        await sent.have(1)
        assert received == [(pull, [b"a"])]
        assert sent == [(push, [b"a"], None)]
        pull.on_recv_stream(None)
        push.on_send_stream(None)
        assert not pull.receiving()

    run(main())


@pytest.mark.parametrize("count", [1, 2, 3, 300])
def test_stopping(run: Run, turn_limit: int, streams: Streams, count: int) -> None:
    """After stop_on_recv, in the middle of a batch too, nothing is handed over, and messages stay where they are."""

    async def main() -> None:
        push, pull = streams.joined()
        heard = Heard()

        def stop_then(message: list[bytes]) -> None:
            heard(message)
            if len(heard) == count:
                pull.stop_on_recv()

        pull.on_recv(stop_then)
        for number in range(count + 2):
            push.send(b"%d" % number)
        await heard.have(count)
        await until(lambda: not push.sending())
        await turns(10)
        assert not pull.receiving()
        assert len(heard) == count
        await until(lambda: pull.socket.get(zmq.EVENTS) & zmq.POLLIN)
        assert pull.socket.recv(zmq.NOBLOCK) == b"%d" % count
        pull.on_recv(heard)
        await heard.have(count + 1)
        assert heard[-1] == [b"%d" % (count + 1)]

    run(main())


def test_another_callback_in_the_middle(run: Run, streams: Streams) -> None:
    """A callback that sets another is called no more: the next message is the other's."""

    async def main() -> None:
        push, pull = streams.joined()
        first, second = Heard(), Heard()

        def change(message: list[bytes]) -> None:
            first(message)
            pull.on_recv(second)

        for number in range(3):
            push.send(b"%d" % number)
        await until(lambda: not push.sending())
        pull.on_recv(change)
        await second.have(2)
        assert (first, second) == ([[b"0"]], [[b"1"], [b"2"]])

    run(main())


def test_requests_and_replies(run: Run, streams: Streams) -> None:
    """A callback may answer, on sockets that receive and send by turns."""

    async def main() -> None:
        replier, requester = streams.joined(zmq.REP, zmq.REQ)
        replies = Heard()

        def ask_again(message: list[bytes]) -> None:
            replies(message)
            if len(replies) < 20:
                requester.send(b"%d" % len(replies))

        replier.on_recv(lambda message: replier.send_multipart([*message, b"!"]))
        requester.on_recv(ask_again)
        requester.send(b"0")
        await replies.have(20)
        assert replies == [[b"%d" % number, b"!"] for number in range(20)]

    run(main())


def test_a_flood_leaves_the_loop_its_turns(run: Run, turn_limit: int, streams: Streams) -> None:
    """However much comes, and however much is sent, others run in between."""

    async def main() -> None:
        push, pull = streams.joined(mark=0)
        heard = Heard()
        for number in range(2000):
            push.send(b"%d" % number)
        others = 0

        async def count() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await until(lambda: not push.sending())
        after_sending = others
        pull.on_recv(heard)
        await heard.have(2000)
        counting.cancel()
        least = 1800 // turn_limit  # a turn may have two looks: one that was scheduled, one that the descriptor brings
        assert after_sending >= least
        assert others - after_sending >= least

    run(main())


def test_what_a_callback_raises(run: Run, streams: Streams, caplog: pytest.LogCaptureFixture) -> None:
    """What a callback raises is logged, once a burst, and the next messages are handed over all the same."""

    async def main() -> None:
        push, pull = streams.joined()
        heard = Heard()

        def fail(message: list[bytes]) -> None:
            heard(message)
            raise ValueError(message)

        pull.on_recv(fail)
        for _ in range(10):
            push.send(b"a")
        await heard.have(10)

    with caplog.at_level(logging.ERROR):
        run(main())
    assert [record.name for record in caplog.records] == ["zmqbridge"]
    assert "the stream of the PULL socket: the handler" in caplog.text


def test_coroutine_functions(run: Run, streams: Streams, caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine function's coroutines run in tasks; what they raise is logged."""

    async def main() -> None:
        push, pull = streams.joined()
        heard = Heard()

        async def receive(message: list[bytes]) -> None:
            await asyncio.sleep(0)
            heard(message)
            if message == [b"0"]:
                raise ValueError("the first")

        pull.on_recv(receive)
        for number in range(3):
            push.send(b"%d" % number)
        await heard.have(3)
        await turns()
        assert heard == [[b"0"], [b"1"], [b"2"]]

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "the first" in caplog.text


def test_what_is_no_callback(run: Run, streams: Streams) -> None:
    """What cannot be called is refused, by its value, and the callback before stays."""

    async def main() -> None:
        push, pull = streams.joined()
        heard = Heard()
        pull.on_recv(heard)
        wrong: Any = 5
        for setter in (pull.on_recv, pull.on_send, pull.on_recv_stream, pull.on_send_stream, pull.set_close_callback):
            with pytest.raises(TypeError, match="5 cannot be called"):
                setter(wrong)
        with pytest.raises(TypeError, match="5 cannot be called"):
            push.send(b"a", callback=wrong)
        push.send(b"b")
        await heard.have(1)
        assert heard == [[b"b"]]

    run(main())


def test_what_was_sent(run: Run, streams: Streams) -> None:
    """on_send calls a function with each message that was sent, and its tracker, in order; stop_on_send ends that."""

    async def main() -> None:
        push, pull = streams.joined()
        sent, received = Heard(), Heard()
        pull.on_recv(received)
        push.on_send(sent)
        push.send(b"one")
        push.send_multipart([b"two", b"frames"], copy=False, track=True)
        assert push.sending()
        assert sent == []
        await sent.have(2)
        assert not push.sending()
        assert sent[0] == ([b"one"], None)
        assert sent[1][0] == [b"two", b"frames"]
        assert isinstance(sent[1][1], zmq.MessageTracker)
        push.stop_on_send()
        push.send(b"three")
        await received.have(3)
        assert len(sent) == 2

    run(main())


def test_a_callback_with_a_send(run: Run, streams: Streams) -> None:
    """A callback that is given with a send takes the place of the one before."""

    async def main() -> None:
        push, pull = streams.joined()
        first, second = Heard(), Heard()
        pull.on_recv(Heard())
        push.send(b"a", callback=first)
        await first.have(1)
        push.send_multipart([b"b"], callback=second)
        push.send(b"c")
        await second.have(2)
        assert (first, second) == ([([b"a"], None)], [([b"b"], None), ([b"c"], None)])

    run(main())


@pytest.mark.parametrize("plain", [True, False])
def test_forms_of_sends(run: Run, ends: Ends, plain: bool) -> None:
    """A stream sends texts, JSON and pickled objects, as pyzmq's sockets do."""

    async def main() -> None:
        socket, pull = ends.pair(zmq.PUSH, zmq.PULL, plain=plain)
        push = ZMQStream(socket)
        push.send_string("für")
        push.send_unicode("alle", encoding="utf-16")
        push.send_json({"ü": [1, None]})
        push.send_pyobj({1, 2})
        assert await pull.recv_string() == "für"
        assert (await pull.recv()).decode("utf-16") == "alle"
        assert await pull.recv_json() == {"ü": [1, None]}
        assert await pull.recv_pyobj() == {1, 2}
        wrong: Any = b"bytes"
        with pytest.raises(TypeError, match="send\\(\\) sends bytes"):
            push.send_string(wrong)

    run(main())


def test_a_list_that_changes(run: Run, streams: Streams) -> None:
    """What is sent is what was given, though its list and its buffers change before it goes."""

    async def main() -> None:
        push, pull = streams.joined()
        heard = Heard()
        pull.on_recv(heard)
        given: list[Any] = [b"a", bytearray(b"b")]
        plain = [b"c"]
        push.send_multipart(given)
        push.send_multipart(plain)
        given[1][0] = 0
        given.append(b"d")
        plain.append(b"d")
        await heard.have(2)
        assert heard == [[b"a", b"b"], [b"c"]]

    run(main())


def test_no_room(run: Run, turn_limit: int, streams: Streams) -> None:
    """What has no room waits in order, without the loop's being held up, and goes when there is room."""

    async def main() -> None:
        push = streams.on(zmq.PUSH)
        push.setsockopt(zmq.SNDHWM, 2)
        port = push.bind_to_random_port("tcp://127.0.0.1")
        sent, received = Heard(), Heard()
        push.on_send(sent)
        for number in range(50):
            push.send(b"%d" % number)
        await turns(20)
        assert push.sending()
        assert sent == []
        pull = streams.on(zmq.PULL)
        pull.on_recv(received)
        pull.connect(f"tcp://127.0.0.1:{port}")
        await received.have(50)
        await sent.have(50)
        assert received == [[b"%d" % number] for number in range(50)]
        assert [message for message, _ in sent] == received
        assert not push.sending()

    run(main())


def test_a_send_that_fails(run: Run, streams: Streams, caplog: pytest.LogCaptureFixture) -> None:
    """Where a message cannot be sent the callback has the error, it is logged, and the next message is sent."""

    async def main() -> None:
        router, dealer = streams.joined(zmq.ROUTER, zmq.DEALER)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        sent, received, replies = Heard(), Heard(), Heard()
        router.on_recv(received)
        dealer.on_recv(replies)
        dealer.send(b"hello")
        await received.have(1)
        router.on_send(sent)
        router.send_multipart([b"nobody", b"a"])
        router.send_multipart([received[0][0], "no bytes"])
        router.send_multipart([received[0][0], b"b"])
        await sent.have(3)
        await replies.have(1)
        assert replies == [[b"b"]]
        assert [type(status) for _, status in sent] == [zmq.ZMQError, TypeError, type(None)]
        assert sent[0][1].errno == zmq.EHOSTUNREACH

    with caplog.at_level(logging.ERROR):
        run(main())
    assert len(caplog.records) == 2
    assert "the ROUTER socket: 1 message(s) could not be sent" in caplog.text


def test_flushing(run: Run, streams: Streams) -> None:
    """flush receives and sends now, with the callbacks, as many messages as it may, and says how many these were."""

    async def main() -> None:
        push, pull = streams.joined()
        sent, received = Heard(), Heard()
        push.on_send(sent)
        push.send(b"connected")
        await until(lambda: not push.sending())
        await until(lambda: pull.socket.get(zmq.EVENTS) & zmq.POLLIN)
        assert pull.flush(zmq.POLLIN) == 1  # dropped: nobody is called with it
        pull.on_recv(received)
        for number in range(5):
            push.send(b"%d" % number)
        assert push.flush(zmq.POLLIN) == 0
        assert push.flush(zmq.POLLOUT, limit=1) == 1
        assert push.flush(limit=2) == 2
        assert sent[1:] == [([b"%d" % number], None) for number in range(3)]
        assert push.flush() == 2
        assert push.flush() == 0
        assert not push.sending()
        flushed = 0  # the loop does not run meanwhile
        while flushed < 5:
            flushed += pull.flush(limit=2)
            assert len(received) == flushed
        assert received == [[b"%d" % number] for number in range(5)]

    run(main())


def test_no_loop_that_runs(streams: Streams) -> None:
    """A stream may be made, used and flushed before its loop runs, and goes on there."""
    loop = asyncio.new_event_loop()
    try:
        sockets = [streams.ends.context.socket(kind, **streams.kind) for kind in (zmq.PUSH, zmq.PULL)]
        push, pull = (ZMQStream(socket, loop) for socket in sockets)
        assert push.io_loop is loop
        received = Heard()
        pull.on_recv(received)
        pull.connect(f"tcp://127.0.0.1:{push.bind_to_random_port('tcp://127.0.0.1')}")
        push.send(b"a")
        loop.run_until_complete(asyncio.wait_for(received.have(1), 30))
        push.send(b"b")
        assert push.flush() == 1
        loop.run_until_complete(asyncio.wait_for(received.have(2), 30))
        assert received == [[b"a"], [b"b"]]
        push.close()
        pull.close()
    finally:
        loop.close()


class Wrapping:
    """A loop that stands on one of asyncio's, as tornado's does."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.asyncio_loop = loop


def test_a_loop_of_tornados(run: Run, ends: Ends) -> None:
    """A loop that stands on one of asyncio's may be given, and is what io_loop returns."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        given = Wrapping(asyncio.get_running_loop())
        stream = ZMQStream(pull, given)
        assert stream.io_loop is given
        heard = Heard()
        stream.on_recv(heard)
        await push.send(b"a")
        await heard.have(1)

    run(main())


def test_its_socket(run: Run, ends: Ends) -> None:
    """A stream's socket is a plain one: the one that it was given, or one for the same ZeroMQ socket."""

    async def main() -> None:
        plain = ends.socket(zmq.PULL, socket_class=zmq.Socket)
        assert ZMQStream(plain).socket is plain
        future = ends.socket(zmq.PULL)
        made = ZMQStream(future).socket
        assert type(made) is zmq.Socket
        assert made.underlying == future.underlying

    run(main())


def test_pyzmqs_own_with_futures(run: Run) -> None:
    """A stream may stand on a socket of zmq.asyncio's own."""

    async def main() -> None:
        with zmq.asyncio.Context() as context:
            push, pull = context.socket(zmq.PUSH), ZMQStream(context.socket(zmq.PULL))
            heard = Heard()
            pull.on_recv(heard)
            pull.connect(f"tcp://127.0.0.1:{push.bind_to_random_port('tcp://127.0.0.1')}")
            await push.send(b"a")
            await heard.have(1)
            pull.close()
            push.close(0)

    run(main())


def test_beside_futures(run: Run, ends: Ends) -> None:
    """A receive that waits on the same socket has its message first; the stream has the rest."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        heard = Heard()
        stream = ZMQStream(pull)
        waits = pull.recv_multipart()
        stream.on_recv(heard)
        for number in range(3):
            await push.send(b"%d" % number)
        assert await waits == [b"0"]
        await heard.have(2)
        assert heard == [[b"1"], [b"2"]]

    run(main())


def test_closing(run: Run, streams: Streams) -> None:
    """close closes the socket and tells so, once; what was to be sent goes out, and what is called later says so."""

    async def main() -> None:
        push, pull = streams.joined()
        push.setsockopt(zmq.LINGER, -1)
        received, closed, sent = Heard(), Heard(), Heard()
        pull.on_recv(received)
        push.send(b"first")
        await received.have(1)
        push.on_send(sent)
        push.set_close_callback(lambda: closed("closed"))
        socket = push.socket
        for number in range(300):
            push.send(b"%d" % number)
        push.close()
        push.close()
        assert (closed, sent) == (["closed"], [])
        assert push.closed()
        assert push.socket is None
        assert socket.closed
        assert not push.sending()
        for call in (lambda: push.on_recv(None), lambda: push.on_send(None), push.flush, lambda: push.send(b"a")):
            with pytest.raises(OSError, match="closed"):
                call()
        await received.have(301)

    run(main())


@pytest.mark.parametrize("after", [1, 2, 3])
def test_closing_in_a_callback(run: Run, streams: Streams, after: int) -> None:
    """A callback may close its stream, in the middle of a batch: nothing is handed over any more."""

    async def main() -> None:
        push, pull = streams.joined()
        heard, closed = Heard(), Heard()

        def close(message: list[bytes]) -> None:
            heard(message)
            if len(heard) == after:
                pull.close()

        for number in range(5):
            push.send(b"%d" % number)
        await until(lambda: not push.sending())
        pull.set_close_callback(lambda: closed("closed"))
        pull.on_recv(close)
        await closed.have(1)
        await turns()
        assert len(heard) == after
        assert pull.closed()

        def close_itself(message: list[bytes], status: None) -> None:
            push.close()

        other = streams.on(zmq.PULL)
        other.connect(push.getsockopt_string(zmq.LAST_ENDPOINT))
        push.on_send(close_itself)
        push.send(b"a")
        push.send(b"b")
        await until(push.closed)

    run(main())


def test_closing_while_it_is_flushed(run: Run, streams: Streams) -> None:
    """A callback that closes the stream ends the flush that called it."""

    async def main() -> None:
        push, pull = streams.joined()
        push.on_send(lambda message, status: push.close())
        pull.on_recv(Heard())
        push.send(b"a")
        await until(push.closed)
        push, pull = streams.joined()
        pull.on_recv(Heard())
        push.send(b"connects")
        await until(lambda: not push.sending())
        push.on_send(lambda message, status: push.close())
        push.send(b"a")
        push.send(b"b")
        assert push.flush() == 1
        assert push.closed()

    run(main())


def test_a_socket_that_others_close(run: Run, ends: Ends) -> None:
    """Whoever closes the socket closes the stream, which tells so, while it receives as well."""

    async def main() -> None:
        for plain in (False, True):
            kind = {"socket_class": zmq.Socket} if plain else {}
            socket = ends.socket(zmq.PULL, **kind)
            stream = ZMQStream(socket)
            stream.on_recv(Heard())
            closed = Heard()
            stream.set_close_callback(partial(closed, "closed"))
            socket.close()
            assert stream.closed()
            assert closed == ["closed"]

    run(main())


def test_the_end_of_the_context(run: Run) -> None:
    """When other code terminates the context the stream closes its socket, and tells so, and the context can end."""

    async def main() -> None:
        context: Any = zmqbridge_asyncio.Context()
        stream = ZMQStream(context.socket(zmq.PULL))
        closed = Heard()
        stream.set_close_callback(lambda: closed("closed"))
        stream.on_recv(Heard())
        await turns()
        await asyncio.to_thread(zmq.Context.term, context)
        assert closed == ["closed"]
        assert stream.closed()

    run(main())


def test_what_was_given_back(run: Run, ends: Ends) -> None:
    """What a cancelled receive gave back is handed over first."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        receiving = pull.recv_multipart()
        task = asyncio.create_task(keep(receiving))
        await turns()
        cancelled = cancel_when_done(receiving, task)
        await push.send(b"first")
        await push.send(b"second")
        await cancelled
        with pytest.raises(asyncio.CancelledError):
            await task
        heard = Heard()
        ZMQStream(pull).on_recv(heard)
        await heard.have(2)
        assert heard == [[b"first"], [b"second"]]

    run(main())


def test_a_poll_beside_a_stream_that_is_stopped(run: Run, ends: Ends) -> None:
    """A poll on the socket of a stream that is stopped is told of what comes."""

    async def main() -> None:
        push, pull = ends.pair(zmq.PUSH, zmq.PULL)
        stream = ZMQStream(pull)
        stream.on_recv(Heard())
        stream.stop_on_recv()
        await push.send(b"a")
        await arrive(pull)
        assert await pull.recv() == b"a"

    run(main())
