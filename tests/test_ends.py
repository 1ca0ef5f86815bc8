"""The end of contexts where something is missing: a descriptor, a thread, room for a socket, or the end itself."""

from __future__ import annotations

import errno
import math
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses
from zmqbridge import home
from zmqbridge._termination import Termination

THREAD = "zmqbridge-termination"


def run(program: str, *arguments: str, warn: str = "error") -> str:
    """Run a program in a fresh interpreter, and return what it prints; it ends well, and says nothing else."""
    command = [sys.executable, "-W", warn, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_thread_of_its_own() -> None:
    """The ZeroMQ context is terminated by another thread than the one that ends it, which runs on meanwhile."""
    terminated_by: list[int] = []

    class Slow:
        """A context that ends when it is let."""

        def __init__(self) -> None:
            self.let = threading.Event()

        def term(self) -> None:
            terminated_by.append(threading.get_ident())
            self.let.wait(1)

    context: Any = Slow()
    termination = Termination(context, 0.0)
    context.let.set()
    termination.join()
    assert len(terminated_by) == 1
    assert terminated_by != [threading.get_ident()]


# --- no descriptor ---


async def test_no_descriptor_to_be_told_by(
    loop: Harness, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A context is left, and has come to its end then, though there is no descriptor to be told by."""
    context = loop.context(linger=0)
    puller = context.puller(bind=addresses.new("tcp"))
    receiving = loop.spawn(puller.receive)
    await loop.parked(puller)

    def no_more() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "socketpair", no_more)
        await context.aclose()
    assert context._home.termination is not None
    assert context._home.termination._done.is_set()
    with pytest.raises(zmqbridge.ConnectionClosed):
        await receiving.result()


NO_DESCRIPTORS = """
import asyncio, os, resource, threading, zmqbridge
async def main():
    context = zmqbridge.Context(linger=0)
    puller = context.puller(bind="inproc://x")
    pushers = [context.pusher(connect=f"inproc://nobody-{number}") for number in range(5)]
    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 10, used + 10))
    held = []
    try:
        while True:
            held.append(os.dup(1))
    except OSError:
        pass
    context.close()
    for each in held:
        os.close(each)
    await context.aclose()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()
    print(context.closed, puller.closed)
asyncio.run(main())
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors as Linux shows them")
def test_no_descriptor_for_what_is_pending() -> None:
    """A context ends though names were connected to that nobody bound, and no descriptor was left to close it."""
    assert run(NO_DESCRIPTORS) == "True True\n"


@pytest.mark.parametrize("connections", [1, 3])
def test_no_room_for_what_is_pending(connections: int) -> None:
    """A context that is full ends as well, where libzmq itself would end the process."""
    program = f"""
import asyncio, zmqbridge
async def main():
    async with zmqbridge.Context(linger=0, max_sockets={connections}) as context:
        for number in range({connections}):
            context.pusher(connect=f"inproc://nobody-{{number % 2}}")
        try:
            context.pair()
        except zmqbridge.ZmqBridgeError as error:
            print(str(error)[:15])
    print(context._home.termination._done.is_set())
asyncio.run(main())
"""
    assert run(program) == "no more sockets\nTrue\n"


ROOM_LATER = """
import asyncio, threading, zmq, zmqbridge
async def main():
    async with zmqbridge.Context(linger=0, max_sockets=1) as context:
        context.pusher(connect="inproc://nobody")
        same, held = zmq.Context.shadow(context._home.context.underlying), []
        try:
            while True:
                held.append(same.socket(zmq.PAIR))
        except zmq.ZMQError:
            pass
        threading.Timer(0.3, lambda: [socket.close(0) for socket in held]).start()
    print(context._home.termination._done.is_set())
asyncio.run(main())
"""


def test_room_later_for_what_is_pending() -> None:
    """It waits for the room, while other code has a socket in its place."""
    assert run(ROOM_LATER) == "True\n"


def test_what_is_pending(caplog: pytest.LogCaptureFixture) -> None:
    """A name is pending from the first connection to the first bind, and what can never be bound is given up."""
    context = zmqbridge.Context(linger=0, max_sockets=3)
    pending = context._home.pending
    pusher = context.pusher(connect=["inproc://a", "inproc://b", "tcp://127.0.0.1:1"])
    assert pending == {"inproc://a", "inproc://b"}
    puller = context.puller(bind="inproc://a")
    pusher.connect("inproc://a")
    assert pending == {"inproc://b"}
    puller.unbind("inproc://a")
    pusher.connect("inproc://a")
    assert pending == {"inproc://a", "inproc://b"}
    puller.bind("inproc://a")
    puller.close()
    pusher.connect("inproc://a")
    assert pending == {"inproc://a", "inproc://b"}
    with pytest.raises(zmqbridge.EndpointError):
        context.pair(bind=["inproc://c", "nonsense://x"])
    context.pair(connect="inproc://c")
    assert pending == {"inproc://a", "inproc://b", "inproc://c"}
    context.close()
    assert context._home.termination is not None
    context._home.termination.join()
    assert caplog.records == []


# --- no thread ---


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Fail to start the thread of a termination so many times as the list says."""
    left = [0]
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name == THREAD and left[0]:
            left[0] -= 1
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail)
    yield left
    monkeypatch.undo()


async def test_no_thread_at_first(loop: Harness, addresses: Addresses, no_thread: list[int]) -> None:
    """Leaving a context tries again to start the thread that ends it, and sends what is unsent."""
    with zmq.Context() as plain, plain.socket(zmq.PULL) as pull:
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        context = loop.context(linger=30)
        await context.pusher(connect=f"tcp://127.0.0.1:{port}").send(b"x")
        no_thread[0] = 3
        context.close()
        assert no_thread[0] == 2
        await context.aclose()
        assert no_thread[0] == 0
        assert context._home.termination is not None
        assert context._home.termination._done.is_set()
        assert pull.recv() == b"x"


async def test_no_thread_at_all(loop: Harness, addresses: Addresses, no_thread: list[int]) -> None:
    """Where none can be started, leaving a context waits for no longer than its linger periods."""
    context = loop.context(linger=0)
    context.puller(bind=addresses.new("tcp"))
    no_thread[0] = 1_000_000
    await context.aclose()
    assert context.closed
    no_thread[0] = 0
    assert context._home.termination is not None
    context._home.termination.join()


@pytest.mark.parametrize("linger", ["30", "math.inf"])
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_no_thread_at_exit(linger: str, closed: bool) -> None:
    """A program that can start no thread, as none can at its end from Python 3.12 on, sends what is unsent and ends."""
    program = f"""
import asyncio, math, sys, threading, zmqbridge
kept = []
async def main():
    kept.append(zmqbridge.Context(linger={linger}))
    pusher = kept[0].pusher(connect=sys.argv[1])
    for number in range(100):
        await pusher.send(b"%d" % number)
asyncio.run(main())
start = threading.Thread.start
def fail(thread):
    if thread.name == "{THREAD}":
        raise RuntimeError("can't start new thread")
    start(thread)
threading.Thread.start = fail
if {closed}:
    kept[0].close()
"""
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        run(program, f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
        assert [int(pull.recv()) for _ in range(100)] == list(range(100))


# --- what is dropped ---


@pytest.mark.parametrize("kind", ["closed", "unused", "used"])
@pytest.mark.parametrize("how", ["dropped", "in a cycle", "collected in another thread"])
def test_dropped(how: str, kind: str) -> None:
    """A context that is dropped comes to its end though warnings are errors, and wherever that is found out."""
    program = f"""
import ctypes  # a libffi may keep a descriptor from then on
import gc, os, sys, threading, zmq, zmqbridge
told = []
sys.unraisablehook = lambda unraisable: told.append(str(unraisable.exc_value))
gc.disable()
def held():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
def drop():
    context = zmqbridge.Context(linger=0)
    puller = context.puller(bind="inproc://x")
    if {kind!r} == "used":
        puller.getsockopt(zmq.TYPE)
    if {kind!r} == "closed":
        puller.close()
    if {how!r} != "dropped":
        context.itself, puller.itself, puller._link.socket.raw.__dict__["itself"] = context, puller, puller
before = held()
drop()
if {how!r} == "in a cycle":
    gc.collect()
elif {how!r} != "dropped":
    thread = threading.Thread(target=gc.collect); thread.start(); thread.join()
while held() != before:
    pass
print(len(told), *[words[:18] for words in told])
"""
    assert run(program) == "1 unclosed <Context \n"


def test_child_warns_of_nothing_of_its_parents() -> None:
    """In the child of a fork a context of its parent's that is dropped is no resource, and nothing of it is closed."""
    program = """
import os, sys, warnings, zmqbridge
context = zmqbridge.Context(linger=0)
pair = context.pair(bind="inproc://x")
other = context.pair(connect="inproc://x")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    child = os.fork()
if child == 0:
    sys.unraisablehook = lambda unraisable: os._exit(1)
    del context, pair, other
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
pair.send_nowait(b"x")
print(other.receive_nowait())
context.close()
"""
    assert run(program) == "[b'x']\n"


# --- linger ---


@pytest.fixture
def lingers(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The longest linger periods of the contexts that come to their ends."""
    begun: list[float] = []

    class Noted(Termination):
        def __init__(self, context: zmq.Context[Any], linger: float, *others: Any) -> None:
            begun.append(linger)
            super().__init__(context, linger, *others)

    monkeypatch.setattr(home, "Termination", Noted)
    return begun


@pytest.mark.parametrize(("milliseconds", "seconds"), [(5000, 5.0), (-1, math.inf), (0, 1.0)])
def test_linger_that_was_set_later(lingers: list[float], milliseconds: int, seconds: float) -> None:
    """A linger period that is set when the connection is made counts at the end as one from its options does."""
    context = zmqbridge.Context()
    pusher = context.pusher()
    pusher.setsockopt(zmq.LINGER, milliseconds)
    pusher.close()
    context.close()
    assert lingers == [seconds]


def test_linger_of_a_raw_socket(lingers: list[float]) -> None:
    """So does one that other code sets on the socket, be it that which closes it, too."""
    context = zmqbridge.Context(linger=0)
    for seconds, pusher in zip((3, 4, 2), [context.pusher() for _ in range(3)], strict=True):
        pusher._link.socket.raw.linger = 1000 * seconds
        if seconds == 4:
            pusher._link.socket.raw.close()
            assert pusher.closed
    context.close()
    assert lingers == [4.0]


# --- children of multiprocessing ---

CHILDREN = """
import asyncio, multiprocessing, sys, threading, warnings
from concurrent.futures import ProcessPoolExecutor
warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the subject
method, kind, address = sys.argv[1:]
if sys.argv[2] in ("thread", "imported before"):
    from zmqbridge import Context
kept = []

async def send(address):
    import zmqbridge
    kept.append(zmqbridge.Context(linger=30))
    pusher = kept[0].pusher(connect=address)
    for number in range(100):
        await pusher.send([b"%d" % number, bytes(10_000)])
    print("sent", flush=True)

def child(address):
    if kind == "handlers":
        import zmqbridge_twisted as tx
        tx.ZmqFactory.lingerPeriod = 30_000
        kept.append(tx.ZmqFactory())
        push = tx.ZmqPushConnection(kept[0], tx.ZmqEndpoint("connect", address))
        for number in range(100):
            push.send([b"%d" % number, bytes(10_000)])
        print("sent", flush=True)
    elif kind == "thread":
        threading.Thread(target=lambda: asyncio.run(send(address))).start()
    elif kind == "grandchild":
        process = multiprocessing.Process(target=asyncio_run, args=(address,))
        process.start()
        process.join()
    else:
        asyncio_run(address)

def asyncio_run(address):
    asyncio.run(send(address))

if __name__ == "__main__":
    context = multiprocessing.get_context(method)
    if kind == "imported before":
        unused = Context()
    if kind == "pool":
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            pool.submit(child, address).result()
    else:
        process = context.Process(target=child, args=(address,))
        process.start()
        process.join()
        assert process.exitcode == 0, process.exitcode
"""

METHODS = ["spawn", "fork", "forkserver"]
KINDS = ["plain", "imported before", "pool", "thread", "grandchild", "handlers"]
# The fork server's children are forked as well, and a spawned one begins like any program.
CHILDREN_OF = [
    pytest.param(method, kind, marks=() if method == "fork" or kind in ("plain", "handlers") else pytest.mark.repeats)
    for method in METHODS
    for kind in KINDS
]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.long
@pytest.mark.parametrize(("method", "kind"), CHILDREN_OF)
def test_children_of_multiprocessing(tmp_path: Path, addresses: Addresses, method: str, kind: str) -> None:
    """A process of multiprocessing's that just ends has sent what it sent, however it was started."""
    program, address = tmp_path / "children.py", addresses.new("ipc")
    program.write_text(CHILDREN)
    command = [sys.executable, str(program), method, kind, address]
    with (
        zmq.Context() as context,
        context.socket(zmq.PULL) as pull,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running,
    ):
        # Nobody listens till the child is at its end: all that it sent is still to be sent then.
        assert running.stdout is not None
        assert running.stdout.readline() == "sent\n"
        pull.bind(address)
        received: list[int] = []
        while len(received) < 100:
            assert pull.poll(40_000)
            received.append(int(pull.recv_multipart()[0]))
        assert running.wait(40) == 0
        assert received == list(range(100))
