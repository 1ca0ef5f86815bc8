"""Misuse is loud: a clear error at once, never a hang."""

from __future__ import annotations

import inspect
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses


@pytest.mark.one_task
async def test_another_thread(loop: Harness, addresses: Addresses) -> None:
    """A connection that one thread uses raises in another, and goes on in the first."""
    async with loop.context() as context:
        pair = context.pair(bind=addresses.new("inproc"))
        other = context.pair(connect=pair.endpoints[0].address)
        await pair.send(b"x")
        errors: list[Exception] = []

        def misuse() -> None:
            for call in (lambda: pair.send_nowait(b"x"), pair.receive_nowait, pair.close):
                try:
                    call()
                except zmqbridge.LocalProtocolError as error:
                    errors.append(error)

        thread = threading.Thread(target=misuse)
        thread.start()
        thread.join()
        assert len(errors) == 3
        assert all("belongs to another thread" in str(error) for error in errors)
        assert await other.receive() == [b"x"]


async def test_another_loop_in_another_thread(loop: Harness, addresses: Addresses) -> None:
    """Whatever another thread's loop calls raises there at once, and the receive that is parked here goes on."""
    async with loop.context() as context:
        pair = context.pair(bind=addresses.new("inproc"))
        other = context.pair(connect=pair.endpoints[0].address)
        router = context.router(bind=addresses.new("inproc"))
        publisher = context.publisher(bind=addresses.new("inproc"))
        subscriber = context.subscriber(connect=publisher.endpoints[0].address, tags=["a"])
        requester = context.requester(connect=addresses.new("ipc"))
        replier = context.replier(bind=addresses.new("inproc"))
        dealer = context.dealer(connect=replier.endpoints[0].address)
        await dealer.send([b"id", b"", b"?"])
        request = await replier.receive()
        parked = [loop.spawn(pair.receive), loop.spawn(router.receive), loop.spawn(subscriber.receive)]
        asking = loop.spawn(requester.request, b"?")
        for connection in (pair, router, subscriber, requester):
            await loop.parked(connection)
        publisher.publish(b"nobody has subscribed", tag="b")
        await other.send(b"x")
        assert await parked[0].result() == [b"x"]
        receiving = loop.spawn(pair.receive)
        await loop.parked(pair)
        await pair.send_many([[b"taken"], [b"read ahead"]])
        assert await other.receive() == [b"taken"]
        assert other.stats.buffered == 1
        calls: list[Callable[[], Any]] = [
            lambda: pair.send(b"y"),
            lambda: pair.send_many([b"y"]),
            pair.receive,
            pair.receive_many,
            pair.__anext__,
            other.receive,
            other.receive_many,
            other.receive_nowait,
            other.__anext__,
            pair.aclose,
            lambda: pair.send_nowait(b"y"),
            pair.receive_nowait,
            lambda: pair.bind(addresses.new("inproc")),
            lambda: pair.connect(addresses.new("inproc")),
            lambda: pair.unbind(pair.endpoints[0].address),
            lambda: other.disconnect(other.endpoints[0].address),
            lambda: pair.getsockopt(zmq.EVENTS),
            lambda: pair.setsockopt(zmq.LINGER, 0),
            pair.close,
            lambda: router.send(b"peer", b"y"),
            lambda: router.send_many([(b"peer", b"y")]),
            lambda: router.send_nowait(b"peer", b"y"),
            lambda: publisher.publish(b"y", tag="a"),
            lambda: subscriber.subscribe("b"),
            lambda: subscriber.unsubscribe("a"),
            lambda: requester.request(b"y"),
            lambda: requester.request(b"y", timeout=1000),
            lambda: request.reply(b"y"),
            replier.receive,
            context.close,
            context.aclose,
        ]
        outcomes: list[object] = []

        async def misuse() -> None:
            for call in calls:
                try:
                    result = call()
                    if inspect.isawaitable(result):
                        result = await result
                except zmqbridge.LocalProtocolError as error:
                    result = error
                outcomes.append(result)

        thread = threading.Thread(target=type(loop)(loop.backend_class).run, args=[misuse])
        thread.start()
        await loop.until(lambda: not thread.is_alive())
        assert len(outcomes) == len(calls)
        assert [outcome for outcome in outcomes if "belongs to another thread" not in str(outcome)] == []
        assert not receiving.done
        assert await other.receive() == [b"read ahead"]
        await other.send(b"after")
        assert await receiving.result() == [b"after"]
        publisher.publish(b"after", tag="a")
        assert await parked[2].result() == (b"a", b"after")
        await request.reply(b"after")
        assert await dealer.receive() == [b"id", b"", b"after"]
        assert not parked[1].done
        assert not asking.done


@pytest.mark.one_task
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
async def test_forked_child(loop: Harness, addresses: Addresses) -> None:
    """A forked child that touches its parent's connection gets an error; the parent's goes on."""
    async with loop.context() as context:
        pair = context.pair(bind=addresses.new("inproc"))
        other = context.pair(connect=pair.endpoints[0].address)
        await pair.send_many([b"taken", b"read ahead"])
        assert await other.receive() == [b"taken"]
        assert other.stats.buffered == 1

        def iterate() -> None:
            other.__anext__().send(None)

        calls: list[Callable[[], object]] = [
            lambda: pair.send_nowait(b"x"),
            other.receive_nowait,
            iterate,
            pair.close,
            context.pair,
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the subject
            child = os.fork()
        if child == 0:
            refused = 0
            try:
                for call in calls:
                    try:
                        call()
                    except zmqbridge.LocalProtocolError as error:
                        refused += "before the process forked" in str(error)
            finally:
                os._exit(refused)
        _, status = os.waitpid(child, 0)  # noqa: ASYNC222 (the child ends at once, or the case hangs and fails)
        assert os.waitstatus_to_exitcode(status) == len(calls)
        assert await other.receive() == [b"read ahead"]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_endpoints(loop: Harness, addresses: Addresses) -> None:
    """An address that cannot be used is an error that names it and the remedy, and leaves nothing behind."""
    async with loop.context() as context:
        pair = context.pair(bind=addresses.new("tcp"))
        in_use = pair.endpoints[0].address
        for address, words in {
            in_use: "the address is in use; choose another",
            "tcp://127.0.0.1": "has no port",
            "tcp://127.0.0.1:99999": "a port is 0 to 65535",
            "127.0.0.1:5555": "names no transport",
            "tcp://": "names nothing behind",
            "carrier-pigeon://home": "built without that transport",
            "pgm://eth0;239.192.1.1:5555": "pgm|built without that transport|cannot use that transport",
            "udp://127.0.0.1:5555": "cannot use that transport|built without that transport",
            "tcp://no.such.interface:1": "no interface of this machine",
            "ipc:///no/such/directory/at/all": "cannot bind",
            "ipc://" + "x" * 200: "too long; an ipc path has at most",
            "inproc://a\0b": "zero byte",
        }.items():
            with pytest.raises(zmqbridge.EndpointError, match=words) as opening:
                context.pair(bind=address)
            with pytest.raises(zmqbridge.EndpointError, match=words) as binding:
                pair.bind(address)
            assert repr(address) in str(opening.value)
            assert repr(address) in str(binding.value)
        with pytest.raises(zmqbridge.EndpointError, match="an address is a str"):
            context.pair(connect=5555)  # type: ignore[arg-type]
        with pytest.raises(zmqbridge.EndpointError, match="an address is a str"):
            context.pair(connect=b"tcp://127.0.0.1:1")  # type: ignore[arg-type]
        with pytest.raises(zmqbridge.EndpointError, match=r"no bind to 'tcp://127.0.0.1:1'; this connection has"):
            pair.unbind("tcp://127.0.0.1:1")
        with pytest.raises(zmqbridge.EndpointError, match="no connect to"):
            pair.disconnect(in_use)
        assert [endpoint.address for endpoint in pair.endpoints] == [in_use]


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_unbind_and_disconnect(loop: Harness, addresses: Addresses) -> None:
    """Endpoints can be given up one by one, by the address that the connection tells."""
    async with loop.context() as context:
        puller = context.puller(bind=[addresses.new("tcp"), addresses.new("ipc")])
        tcp, ipc = (endpoint.address for endpoint in puller.endpoints)
        pusher = context.pusher(connect=tcp)
        await pusher.send(b"1")
        assert await puller.receive() == [b"1"]
        pusher.disconnect(tcp)
        puller.unbind(tcp)
        assert [endpoint.address for endpoint in puller.endpoints] == [ipc]
        pusher.connect(ipc)
        await pusher.send(b"2")
        assert await puller.receive() == [b"2"]
        assert pusher.endpoints == (zmqbridge.Endpoint("connect", ipc),)


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_failed_construction_leaves_nothing(loop: Harness, addresses: Addresses) -> None:
    """A connection whose second address is wrong has not taken the first."""
    address = addresses.new("ipc")
    async with loop.context() as context:
        with pytest.raises(zmqbridge.EndpointError):
            context.pair(bind=[address, "tcp://no.such.interface:1"])
        with pytest.raises(zmqbridge.EndpointError):
            context.pair(bind=[address, "nonsense"])
        assert "0 connection(s)" in repr(context)
        for _ in range(1000):
            try:
                pair = context.pair(bind=address)
                break
            except zmqbridge.EndpointError:
                await loop.turn()  # libzmq closes sockets in the background
        assert pair.endpoints[0].address == address


@pytest.mark.any_loop
@pytest.mark.one_task
async def test_errors_of_large_things(loop: Harness, addresses: Addresses) -> None:
    """What names a connection with many endpoints, or a large value, is short."""
    async with loop.context(linger=0) as context:
        dealer = context.dealer(connect=[addresses.new("inproc") for _ in range(300)])
        router = context.router(bind=addresses.new("inproc"))
        assert "297 more" in repr(dealer)
        large = b"x" * 1_000_000
        wrong: list[Callable[[], object]] = [
            lambda: dealer.disconnect("inproc://none of them"),
            lambda: dealer.connect("inproc" + "x" * 1_000_000),
            lambda: dealer.setsockopt(zmq.RATE, large),
            lambda: router.send_nowait(large, b"x"),
            lambda: context.subscriber(tags=large),  # type: ignore[arg-type]
        ]
        for call in wrong:
            with pytest.raises((zmqbridge.ZmqBridgeError, TypeError)) as raised:
                call()
            assert len(str(raised.value)) < 3000
        dealer.close()
        with pytest.raises(zmqbridge.ConnectionClosed) as closed:
            dealer.send_nowait(b"x")
        assert len(str(closed.value)) < 3000
