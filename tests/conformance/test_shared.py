"""Messages whose memory libzmq is lent: nothing is copied, and the caller knows when it is his again."""

from __future__ import annotations

import ctypes
import gc
import threading
from array import array
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conftest import Addresses
from zmqbridge import SocketOptions
from zmqbridge.channel import loan

LARGE = 4_000_000
FEW = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)


def out() -> int:
    """How many loans are out."""
    return len(loan._out)


@pytest.fixture(autouse=True)
def nothing_out() -> Any:
    """Whatever a case does, libzmq lets go of all in the end, and so does the library."""
    yield
    gc.collect()
    assert out() == 0


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("transport", ["tcp", "ipc", "inproc"])
async def test_returned(loop: Harness, addresses: Addresses, transport: str) -> None:
    """It returns, on an idle loop too, and then the buffer may be changed: what was sent is what it was."""
    async with loop.context() as context:
        options = SocketOptions(memoryview_from=65536)
        puller = context.puller(bind=addresses.new(transport), options=options)
        pusher = context.pusher(connect=puller.endpoints[0].address)
        buffer = bytearray(LARGE)
        for number in range(1, 4):
            buffer[:] = bytes([number]) * LARGE
            receiving = loop.spawn(puller.receive)
            await pusher.send_shared(buffer)
            buffer[:] = bytes(LARGE)
            buffer.append(0)  # which a view would forbid
            del buffer[-1]
            (frame,) = await receiving.result()
            assert isinstance(frame, memoryview)
            assert frame == bytes([number]) * LARGE
        assert pusher.stats.sent == 3


@pytest.mark.any_loop
@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537])
async def test_sizes(loop: Harness, addresses: Addresses, size: int) -> None:
    """Frames of any size arrive as they are, alone and among others."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        frame = bytes(range(256)) * (size // 256) + bytes(size % 256)
        messages: list[Any] = [bytearray(frame), [frame], [b"", memoryview(frame), bytearray(b"end")], (frame, frame)]
        for message in messages:
            receiving = loop.spawn(puller.receive)
            await pusher.send_shared(message)
            expected = [message] if isinstance(message, bytearray) else list(message)
            assert await receiving.result() == expected


@pytest.mark.any_loop
@pytest.mark.parametrize("transport", ["tcp", "inproc"])
async def test_buffers(loop: Harness, addresses: Addresses, transport: str) -> None:
    """Any buffer that lies in one piece serves, of whatever items and dimensions; another is refused by name."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new(transport))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        table = (ctypes.c_double * 300 * 400)()
        table[3][4] = 0.5
        numbers = array("d", range(100_000))
        square = memoryview(bytes(160_000)).cast("I", (200, 200))
        for buffer in (table, numbers, square, bytes(100_000)):
            receiving = loop.spawn(puller.receive)
            await pusher.send_shared(buffer)
            assert await receiving.result() == [bytes(memoryview(buffer))]
        with pytest.raises(TypeError, match=r"C-contiguous.*memoryview.*strides \(2,\)"):
            await pusher.send_shared(memoryview(bytes(200_000))[::2])
        with pytest.raises(TypeError, match="encode it first"):
            await pusher.send_shared("text" * 100_000)  # type: ignore[arg-type]
        with pytest.raises(zmqbridge.LocalProtocolError, match="has no frame"):
            await pusher.send_shared([])
        assert pusher.stats.sent == 4


@pytest.mark.any_loop
async def test_numpy(loop: Harness, addresses: Addresses) -> None:
    """An array of numpy's is sent as it lies in memory, and received as a view that makes one."""
    numpy = pytest.importorskip("numpy")
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"), options=SocketOptions(memoryview_from=65536))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        sent = numpy.arange(1_000_000, dtype="float32").reshape(1000, 1000)
        receiving = loop.spawn(puller.receive)
        await pusher.send_shared([b"float32", sent])
        _, view = await receiving.result()
        assert (numpy.frombuffer(view, "float32").reshape(1000, 1000) == sent).all()
        with pytest.raises(TypeError, match="ascontiguousarray"):
            await pusher.send_shared(sent.T)


@pytest.mark.looks_at("waiting")
async def test_held_till_then(loop: Harness, addresses: Addresses) -> None:
    """It does not return while libzmq has the message still."""
    async with loop.context(linger=0) as context:
        pusher = context.pusher(connect=addresses.new("ipc"))
        buffer = bytearray(LARGE)
        sending = loop.spawn(pusher.send_shared, buffer)
        await loop.until(lambda: pusher.stats.sent)
        for _ in range(20):
            await loop.turn()
        assert not sending.done
        assert out() == 1
        with pytest.raises(BufferError):
            buffer.append(0)
        puller = context.puller(bind=pusher.endpoints[0].address)
        await puller.receive()
        await sending.result()
        assert out() == 0
        buffer.append(0)


@pytest.mark.looks_at("waiting", "cancelling")
async def test_cancelled(loop: Harness, addresses: Addresses) -> None:
    """Cancelled before it was sent, it never is; cancelled afterwards, it is, and the buffer is held till then."""
    async with loop.context(linger=0) as context:
        pusher = context.pusher(bind=addresses.new("tcp"))
        buffer = bytearray(b"x" * LARGE)
        sending = loop.spawn(pusher.send_shared, buffer)
        await loop.parked(pusher)
        sending.cancel()
        with pytest.raises(TaskCancelled):
            await sending.result()
        del sending
        assert (pusher.stats.sent, pusher.stats.parked, out()) == (0, 0, 0)
        pusher = context.pusher(connect=addresses.new("ipc"))
        sending = loop.spawn(pusher.send_shared, buffer)
        await loop.until(lambda: pusher.stats.sent)
        sending.cancel()
        with pytest.raises(TaskCancelled):
            await sending.result()
        assert out() == 1
        del buffer
        puller = context.puller(bind=pusher.endpoints[0].address)
        assert await puller.receive() == [b"x" * LARGE]
        await loop.until(lambda: not out())


@pytest.mark.looks_at("waiting")
@pytest.mark.parametrize("sent", [True, False])
async def test_closed_meanwhile(loop: Harness, addresses: Addresses, sent: bool) -> None:
    """Closing ends it, whether it waits for room or for libzmq to let go."""
    async with loop.context(linger=0) as context:
        address = addresses.new("ipc")
        pusher = context.pusher(connect=address) if sent else context.pusher(bind=address)
        sending = loop.spawn(pusher.send_shared, bytearray(LARGE))
        await loop.until(lambda: pusher.stats.sent == sent and (sent or pusher.stats.parked))
        await loop.turn()
        pusher.close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            await sending.result()
        await loop.until(lambda: not out())
        with pytest.raises(zmqbridge.ConnectionClosed):
            await pusher.send_shared(bytearray(LARGE))


@pytest.mark.any_loop
async def test_closed_while_libzmq_lingers(loop: Harness, addresses: Addresses) -> None:
    """Closing ends it at once, though libzmq has the message for the linger period."""
    async with loop.context() as context:
        pusher = context.pusher(connect=addresses.new("ipc"), options=SocketOptions(linger=0.3))
        sending = loop.spawn(pusher.send_shared, bytearray(LARGE))
        await loop.until(lambda: pusher.stats.sent)
        await loop.turn()
        pusher.close()
        with pytest.raises(zmqbridge.ConnectionClosed):
            await sending.result()
        assert out() == 1
        await loop.until(lambda: not out())


@pytest.mark.looks_at("waiting")
async def test_on_an_idle_loop(loop: Harness, addresses: Addresses) -> None:
    """It returns though nothing else happens on the loop, and the receiver is another thread."""
    with zmq.Context() as theirs, theirs.socket(zmq.PULL) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.append(socket.recv()))
        thread.start()
        async with loop.context(linger=0) as context:
            pusher = context.pusher(connect=f"tcp://127.0.0.1:{port}")
            await pusher.send_shared(bytearray(b"x" * LARGE))
        thread.join()
        assert got == [b"x" * LARGE]


@pytest.mark.any_loop
async def test_inproc(loop: Harness, addresses: Addresses) -> None:
    """Over inproc it returns before anybody has received: the message was copied."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("inproc"), options=SocketOptions(memoryview_from=65536))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        buffer = bytearray(b"x" * LARGE)
        sending = loop.spawn(pusher.send_shared, buffer)
        for _ in range(20):
            await loop.turn()
        assert sending.done
        buffer[:] = bytes(LARGE)
        assert await puller.receive() == [b"x" * LARGE]


@pytest.mark.any_loop
@pytest.mark.parametrize("marks", [1, 2, 3])
async def test_waits_for_room(loop: Harness, addresses: Addresses, marks: int) -> None:
    """Several wait for room in the order of their calls, among sends of other kinds."""
    options = SocketOptions(send_high_water_mark=marks, receive_high_water_mark=marks)
    async with loop.context() as context:
        pusher = context.pusher(bind=addresses.new("tcp"), options=options)
        sends = []
        for number in range(8):
            method = pusher.send if number % 3 == 0 else pusher.send_shared
            sends.append(loop.spawn(method, bytes([number]) * 200_000))
            await loop.until(lambda: pusher.stats.parked == len(sends))
        puller = context.puller(connect=pusher.endpoints[0].address, options=options)
        assert [(await puller.receive())[0][0] for _ in range(8)] == list(range(8))
        for send in sends:
            await send.result()


@pytest.mark.any_loop
async def test_router(loop: Harness, addresses: Addresses) -> None:
    """A router sends so to the peer that is named."""
    async with loop.context() as context:
        router = context.router(bind=addresses.new("tcp"))
        dealer = context.dealer(connect=router.endpoints[0].address)
        await dealer.send(b"here")
        peer, _ = await router.receive()
        receiving = loop.spawn(dealer.receive)
        await router.send_shared(peer, [b"head", bytearray(b"x" * LARGE)])
        assert await receiving.result() == [b"head", b"x" * LARGE]
        with pytest.raises(zmqbridge.PeerUnreachable):
            await router.send_shared(b"nobody", bytearray(LARGE))
        with pytest.raises(TypeError):
            await router.send_shared("nobody", bytearray(LARGE))  # type: ignore[arg-type]
        del receiving
        assert out() == 0


@pytest.mark.any_loop
async def test_no_thread_for_each(loop: Harness, addresses: Addresses) -> None:
    """However many are sent, the process has one thread that is told of them, and one pipe."""
    async with loop.context() as context:
        puller = context.puller(bind=addresses.new("tcp"))
        pusher = context.pusher(connect=puller.endpoints[0].address)
        loop.spawn(puller.receive_many)
        await pusher.send_shared(bytearray(LARGE))
        threads = threading.active_count()
        for _ in range(20):
            receiving = loop.spawn(puller.receive)
            await pusher.send_shared(bytearray(LARGE))
            await receiving.result()
        assert threading.active_count() == threads
