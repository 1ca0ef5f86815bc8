"""Which backend is found where, and what each does at the edges that the conformance suite does not reach."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
import zmq

import zmqbridge
from zmqbridge._termination import GRACE
from zmqbridge.abc import Backend
from zmqbridge_asyncio import AsyncioBackend
from zmqbridge_asyncio.watch import Watch
from zmqbridge_trio import TrioBackend
from zmqbridge_twisted.reader import Reader

ROOT = Path(__file__).parent.parent
LONGEST_BACKEND = 150


async def backend_name(given: str | None = None) -> str:
    """Return the class of the backend that a context finds here."""
    async with zmqbridge.Context(given) as context:
        return type(context._find_backend()).__name__


def run_program(program: str) -> str:
    """Run a program in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, check=False, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ECHO = """
import zmqbridge
async def main(*_):
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="inproc://x")
        pusher = context.pusher(connect="inproc://x")
        await pusher.send(b"x")
        await puller.receive()
        print(type(context._find_backend()).__name__)
"""


STARTS = {
    "asyncio": ("AsyncioBackend", "import asyncio; asyncio.run(main())"),
    "uvloop": ("AsyncioBackend", "import uvloop; uvloop.run(main())"),
    "trio": ("TrioBackend", "import trio; trio.run(main)"),
    "anyio": ("AsyncioBackend", "import anyio; anyio.run(main)"),
    "anyio-trio": ("TrioBackend", "import anyio; anyio.run(main, backend='trio')"),
    "twisted": (
        "TwistedBackend",
        """
from twisted.internet import defer, task
task.react(lambda reactor: defer.Deferred.fromCoroutine(main()))
""",
    ),
    "twisted-on-asyncio": (
        "TwistedBackend",
        """
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import defer, reactor
def begin():
    defer.Deferred.fromCoroutine(main()).addBoth(lambda _: reactor.stop())
reactor.callWhenRunning(begin)
reactor.run()
""",
    ),
    "asyncio-under-twisted": (
        "AsyncioBackend",
        """
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import reactor
def begin():
    asyncio.ensure_future(main()).add_done_callback(lambda _: reactor.stop())
reactor.callWhenRunning(begin)
reactor.run()
""",
    ),
    "trio-as-a-guest-of-asyncio": (
        "TrioBackend",
        """
async def host():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    soon = loop.call_soon_threadsafe
    trio.lowlevel.start_guest_run(main, run_sync_soon_threadsafe=soon, done_callback=done.set_result)
    (await done).unwrap()
asyncio.run(host())
""",
    ),
}


# A reactor is installed once in a process.
INSTALLING = {name: found for name, found in STARTS.items() if "reactor" in found[1]}
HERE = {name: found for name, found in STARTS.items() if name not in INSTALLING}


@pytest.mark.parametrize(("expected", "start"), INSTALLING.values(), ids=INSTALLING)
def test_found_with_a_reactor(expected: str, start: str) -> None:
    """A context finds Twisted's backend where a reactor runs it, and asyncio's where a task does, under a reactor."""
    assert run_program(f"import asyncio, trio\n{ECHO}\n{start}") == expected


@pytest.mark.parametrize(("expected", "start"), HERE.values(), ids=HERE)
def test_found(expected: str, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A context finds the backend of the loop that runs it, whatever else is imported."""
    exec(f"import asyncio, trio\n{ECHO}\n{start}", {})
    assert capsys.readouterr().out.strip() == expected


def test_nothing_running() -> None:
    """Without a loop, awaiting is an error that says so and names the installed backends."""
    said = run_program(
        ECHO + "\ntry:\n    main().send(None)\nexcept zmqbridge.BackendError as error:\n    print(error)\n"
    )
    assert re.match("no event loop runs the caller; .* asyncio, trio, twisted", said)


def test_by_name() -> None:
    """A backend may be named; where another loop runs, or the name is unknown, that is an error."""
    assert asyncio.run(backend_name("asyncio")) == "AsyncioBackend"
    assert trio.run(backend_name, "trio") == "TrioBackend"
    with pytest.raises(zmqbridge.BackendError, match="does not run on trio"):
        asyncio.run(backend_name("trio"))
    with pytest.raises(
        zmqbridge.BackendError, match=r"no backend is called 'curio'; installed are asyncio, trio, twisted"
    ):
        asyncio.run(backend_name("curio"))


@pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])
def test_another_loop(run: Callable[[Any], Any]) -> None:
    """A context that one loop has used says so when it would wait on another, and can still be closed there."""
    context = zmqbridge.Context()
    puller = context.puller(bind="tcp://127.0.0.1:*")
    pusher = context.pusher(connect=puller.endpoints[0].address)

    async def first() -> None:
        await pusher.send(b"x")
        assert await puller.receive() == [b"x"]

    async def second() -> None:
        with pytest.raises(zmqbridge.BackendError, match="belongs to another .*; make a Context for this one"):
            await puller.receive()

    run(first)
    run(second)
    context.close()


def test_made_before_the_loop() -> None:
    """A context and its connections may be made before any loop runs."""
    context = zmqbridge.Context()
    puller = context.puller(bind="tcp://127.0.0.1:*")
    pusher = context.pusher(connect=puller.endpoints[0].address)
    pusher.connect(puller.endpoints[0].address)

    async def main() -> list[bytes]:
        async with context:
            await pusher.send(b"x")
            return await puller.receive()

    assert asyncio.run(main()) == [b"x"]


def test_loop_without_add_reader() -> None:
    """Where a loop cannot register descriptors, as on Windows, anyio waits in its place."""

    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, *args: object) -> None:
            raise NotImplementedError

    async def main() -> list[bytes]:
        async with zmqbridge.Context() as context:
            puller = context.puller(bind="tcp://127.0.0.1:*")
            pusher = context.pusher(connect=puller.endpoints[0].address)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await puller.receive()
            receiving = asyncio.ensure_future(puller.receive())
            await asyncio.sleep(0)
            await pusher.send(b"x")
            return await receiving

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(main()) == [b"x"]


def test_backends_have_the_interface() -> None:
    """Each backend is what the port asks for."""

    async def made() -> tuple[Backend | None, ...]:
        return AsyncioBackend.running(), TrioBackend.running()

    for backend in (*asyncio.run(made()), *trio.run(made)):
        assert backend is None or isinstance(backend, Backend)
    assert AsyncioBackend.running() is None
    assert TrioBackend.running() is None


# What one distribution carries for each loop. Two of the packages hold another interface besides.
BACKEND_FILES = [
    *(ROOT / "zmqbridge_asyncio" / name for name in ("backend.py", "proactor.py", "together.py", "watch.py")),
    *(ROOT / "zmqbridge_trio").glob("*.py"),
    *(ROOT / "zmqbridge_twisted" / name for name in ("backend.py", "reader.py", "together.py")),
]


@pytest.mark.parametrize("path", sorted(BACKEND_FILES), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_backends_are_thin(path: Path) -> None:
    """No backend is long, nor names a socket or a pattern."""
    source = path.read_text()
    assert len(source.splitlines()) <= LONGEST_BACKEND
    assert "import zmq\n" not in source


def test_bad_contexts() -> None:
    """A context's own numbers are checked."""
    with pytest.raises(ValueError, match="io_threads=0"):
        zmqbridge.Context(io_threads=0)
    with pytest.raises(ValueError, match="max_sockets=0"):
        zmqbridge.Context(max_sockets=0)
    with pytest.raises(zmqbridge.OptionError, match="linger=-1"):
        zmqbridge.Context(linger=-1)


def test_unclosed_context_warns() -> None:
    """A context that is dropped with connections open is a ResourceWarning, and does not hang."""
    program = """
import gc, warnings, zmqbridge
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    context = zmqbridge.Context(linger=0)
    context.puller(bind="inproc://x")
    del context
    gc.collect()
print([str(warning.message)[:16] for warning in caught if warning.category is ResourceWarning])
"""
    assert "unclosed <Contex" in run_program(program)


def test_exit_with_a_context_left_open() -> None:
    """A program that ends with a context and its connections left open does end."""
    program = """
import zmqbridge
context = zmqbridge.Context()
pair = context.pair(bind="inproc://x")
print("the end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "the end\n")


SEND_AND_LEAVE = """
import asyncio, os, sys, threading, trio, zmqbridge
kept = []
async def main():
    kept.append(zmqbridge.Context())
    pusher = kept[0].pusher(connect=sys.argv[1])
    for number in range(1000):
        await pusher.send(b"%d" % number)
"""

LEAVING = {
    "open": "asyncio.run(main())",
    "open, trio": "trio.run(main)",
    "closed": "asyncio.run(main()); kept[0].close()",
    "opened in a thread": "run = lambda: asyncio.run(main()); thread = threading.Thread(target=run); thread.start()",
    "forked": "asyncio.run(main()); os.fork() or sys.exit()",
}


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING)
def test_exit_sends_what_is_unsent(leave: str) -> None:
    """A program that ends right after its sends has sent it all, whether it closed its context or not."""
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        address = f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}"
        command = [sys.executable, "-W", "error", "-c", f"{SEND_AND_LEAVE}\n{leave}", address]
        subprocess.run(command, timeout=50, check=True)
        received: list[int] = []
        while len(received) < 1000:
            assert pull.poll(20_000)
            received.append(int(pull.recv()))
        assert received == list(range(1000))


FORK_AND_EXIT = """
import gc, os, sys, warnings, zmq, zmqbridge
warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the subject
async def main(*_):
    context = zmqbridge.Context()
    pair = context.pair(bind="inproc://pair")
    other = context.pair(connect="inproc://pair")
    requester = context.requester(bind="inproc://requester")
    try:
        await requester.request(b"nobody is there", timeout=0.001)
    except zmqbridge.RequestTimeout:
        pass
    try:
        await context.replier(connect="inproc://requester").receive_many(0)
    except ValueError:
        pass
    await pair.send_many([b"taken", b"read ahead"])
    assert await other.receive() == [b"taken"]
    child = os.fork()
    if child == 0:
        for call in (
            lambda: pair.send(b"x"),
            lambda: pair.send_many([b"x"]),
            lambda: pair.send_nowait(b"x"),
            other.receive,
            other.receive_many,
            other.receive_nowait,
            other.__anext__,
            lambda: requester.request(b"x"),
            lambda: requester.request(b"x", timeout=1),
            lambda: pair.bind("inproc://another"),
            lambda: pair.connect("inproc://another"),
            lambda: pair.unbind("inproc://pair"),
            lambda: other.disconnect("inproc://pair"),
            lambda: pair.getsockopt(zmq.EVENTS),
            lambda: pair.setsockopt(zmq.LINGER, 0),
            pair.fileno,
            pair.close,
            pair.aclose,
            context.pair,
            context.close,
            context.aclose,
        ):
            try:
                result = call()
                if hasattr(result, "__await__"):
                    await result
            except zmqbridge.LocalProtocolError as error:
                assert "before the process forked" in str(error), error
            else:
                raise AssertionError(call)
        gc.collect()
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert await other.receive() == [b"read ahead"]
    await pair.send(b"after")
    assert await other.receive() == [b"after"]
    await context.aclose()
    print("the parent goes on")
"""

FORK_WITH_HANDLERS = """
import gc, os, sys, warnings, zmq, zmqbridge, zmqbridge_twisted as tx
from twisted.internet import defer, task
warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the subject
async def main(reactor):
    factory = tx.ZmqFactory(reactor)
    pull = tx.ZmqPullConnection(factory, ("bind", "inproc://pull"))
    push = tx.ZmqPushConnection(factory, ("connect", "inproc://pull"))
    req = tx.ZmqREQConnection(factory, ("bind", "inproc://req"))
    pulled = [defer.Deferred() for _ in range(2)]
    messages = iter(pulled)
    pull.onPull = lambda message: next(messages).callback(message)
    push.push(b"before")
    assert await pulled[0] == [b"before"]
    child = os.fork()
    if child == 0:
        for call in (
            lambda: push.push(b"x"),
            lambda: push.send(b"x"),
            lambda: req.sendMsg(b"x"),
            lambda: pull.addEndpoints([("bind", "inproc://another")]),
            pull.shutdown,
            factory.shutdown,
        ):
            try:
                result = call()
                if isinstance(result, defer.Deferred):
                    await result
            except zmqbridge.ZmqBridgeError as error:
                assert "before the process forked" in str(error), error
            else:
                raise AssertionError(call)
        assert pull.socket is None
        gc.collect()
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    push.push(b"after")
    assert await pulled[1] == [b"after"]
    await factory.shutdown()
    print("the parent goes on")
task.react(lambda reactor: defer.Deferred.fromCoroutine(main(reactor)))
"""

# A child whose loop ends takes what it has registered out of its parent's epoll. So trio's is over before the fork,
# and Twisted's reactor is one without epoll.
POLL = "from twisted.internet import pollreactor; pollreactor.install()"
FORKS = {
    loop: f"{POLL if loop == 'twisted' else ''}\n{FORK_AND_EXIT}\n{STARTS[loop][1]}"
    for loop in ("asyncio", "uvloop", "anyio", "twisted")
}
FORKS["handlers"] = f"{POLL}\n{FORK_WITH_HANDLERS}"
FORKS["trio"] = """
import gc, os, sys, trio, warnings, zmqbridge
warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the subject
async def main():
    global context, pair, other
    context = zmqbridge.Context()
    pair = context.pair(bind="inproc://pair")
    other = context.pair(connect="inproc://pair")
    await pair.send_many([b"taken", b"read ahead"])
    assert await other.receive() == [b"taken"]
    with trio.move_on_after(0.001):
        await pair.receive()
trio.run(main)
child = os.fork()
if child == 0:
    operations = [lambda: pair.send(b"x"), lambda: pair.send_many([b"x"]), other.receive, other.__anext__]
    for call in [lambda operation=operation: operation().send(None) for operation in operations] + [
        lambda: pair.send_nowait(b"x"),
        other.receive_nowait,
        lambda: pair.bind("inproc://another"),
        lambda: pair.getsockopt(1),
        lambda: pair.setsockopt(1, 0),
        pair.close,
        context.pair,
        context.close,
    ]:
        try:
            call()
        except zmqbridge.LocalProtocolError as error:
            assert "before the process forked" in str(error), error
        else:
            raise AssertionError(call)
    gc.collect()
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert other.receive_nowait() == [b"read ahead"]
pair.send_nowait(b"after")
assert other.receive_nowait() == [b"after"]
context.close()
print("the parent goes on")
"""


# From Python 3.14 on a child that was forked while asyncio runs never leaves asyncio.run(), with zmqbridge or without.
LEAVES_ASYNCIO = sys.version_info < (3, 14)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("kind", FORKS)
def test_forked_child_exits(kind: str) -> None:
    """A forked child that touches all that its parent has open ends as it wants to; its parent goes on receiving."""
    if kind in ("asyncio", "uvloop", "anyio") and not LEAVES_ASYNCIO:
        pytest.skip("asyncio cannot be left in a forked child")
    program = FORKS[kind]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "the parent goes on\n"), done.stderr
    if kind != "handlers":  # of these the log tells that they are the parent's
        assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.skipif(not LEAVES_ASYNCIO, reason="asyncio cannot be left in a forked child")
def test_forked_child_leaves() -> None:
    """A forked child that leaves its parent's context by an exception ends by that exception."""
    program = """
import asyncio, os, sys, warnings, zmqbridge
warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the subject
async def main():
    async with zmqbridge.Context() as context, context.pair(bind="inproc://pair") as pair:
        await pair.aclose()
        async with context.pair(bind="inproc://another"):
            child = os.fork()
            if child == 0:
                sys.exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")


def test_exit_waits_for_a_peer(tmp_path: Path) -> None:
    """A program whose peer comes only when the program has nothing else left to do has still sent it all."""
    program = """
import asyncio, sys, zmqbridge
async def main():
    context = zmqbridge.Context(linger=30)
    slow = zmqbridge.SocketOptions(reconnect_interval=0.3)
    pusher = context.pusher(connect=sys.argv[1], options=slow)
    for number in range(10):
        await pusher.send(b"%d" % number)
    context.close()
    print("sent", flush=True)
asyncio.run(main())
"""
    address = f"ipc://{tmp_path}/late"
    with (
        subprocess.Popen([sys.executable, "-W", "error", "-c", program, address], stdout=subprocess.PIPE) as process,
        zmq.Context() as context,
        context.socket(zmq.PULL) as pull,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent\n"
        pull.bind(address)
        received: list[int] = []
        while len(received) < 10:
            assert pull.poll(10_000), "the program ended with messages unsent"
            received.append(int(pull.recv()))
        assert received == list(range(10))
    assert process.returncode == 0


WITHIN_THE_LINGER = """
import asyncio, atexit, sys, time, trio
waited = []
def tell():  # after zmqbridge's own end, for it was registered before
    print(time.monotonic() - began, *waited)
atexit.register(tell)
import zmqbridge
from zmqbridge._termination import Termination
real = Termination.join
def join(termination):
    waited.append(termination._ends - time.monotonic())
    real(termination)
Termination.join = join
async def main(*_):
    global began, context
    context = zmqbridge.Context(linger=float(sys.argv[2]))
    pusher = context.pusher(connect=sys.argv[1])
    for number in range(1000):
        await pusher.send(b"%d" % number)
    began = time.monotonic()
"""


@pytest.mark.parametrize(
    "kind",
    ["asyncio", "trio", "twisted", *(pytest.param(kind, marks=pytest.mark.repeats) for kind in ("uvloop", "anyio"))],
)
def test_exit_with_nobody_to_send_to(kind: str) -> None:
    """A program whose messages nobody takes waits for the linger period at its end, and no longer than that."""
    program = f"{WITHIN_THE_LINGER}\n{STARTS[kind][1]}"
    linger = 0.4
    command = [sys.executable, "-c", program, "tcp://127.0.0.1:9", str(linger)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    took, *waited = map(float, done.stdout.split())
    assert took > linger - 0.05
    # The most that it would have waited: how long it did, on a busy machine, is no matter of its own.
    assert len(waited) == 1
    assert waited[0] <= linger + GRACE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_wait_at_exit(number: int) -> None:
    """A program that is to wait for ever for its unsent messages still ends when it is told to."""
    program = """
import sys, zmqbridge_twisted as tx
from twisted.internet import reactor
factory = tx.ZmqFactory(reactor)
factory.lingerPeriod = -1
factory.registerForShutdown()
tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", "tcp://127.0.0.1:9")).push(b"unsent")
reactor.callWhenRunning(reactor.stop)
reactor.run()
print("stopped", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"stopped\n"
        while process.poll() is None:
            # Early in the end of the interpreter the loop's own handler may still take one.
            process.send_signal(number)
            time.sleep(0.01)
    assert process.returncode == -number


def test_exit_beside_a_running_thread() -> None:
    """A context that a daemon thread still uses is left alone: the program ends, and does not crash."""
    program = """
import asyncio, threading, zmqbridge
up = threading.Event()
async def main():
    async with zmqbridge.Context() as context:
        puller = context.puller(bind="tcp://127.0.0.1:*")
        pusher = context.pusher(connect=puller.endpoints[0].address)
        while True:
            await pusher.send(b"x")
            await puller.receive()
            up.set()
threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
up.wait()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_closed_after_the_loop(kind: str) -> None:
    """A connection whose loop was closed with operations parked on it can still be closed."""
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop() if kind == "uvloop" else asyncio.new_event_loop()
    context = zmqbridge.Context()
    puller = context.puller(bind="tcp://127.0.0.1:*")

    async def park() -> Any:
        receiving = asyncio.ensure_future(puller.receive())
        for _ in range(3):
            await asyncio.sleep(0)
        assert puller.stats.parked == 1
        return receiving

    receiving = loop.run_until_complete(park())
    loop.close()
    context.close()
    assert puller.closed
    receiving._log_destroy_pending = False  # its loop is gone: nobody can end it


def test_number_of_a_descriptor_that_was_never_released() -> None:
    """A wait ends though the descriptor's number is still registered for one that was closed unreleased."""

    async def main() -> None:
        old, old_end = os.pipe()
        new, new_end = os.pipe()
        waiting = asyncio.ensure_future(AsyncioBackend().create_waiter().wait(old, None))
        await asyncio.sleep(0)
        waiting.cancel()
        os.close(old)
        os.dup2(new, old)
        os.write(new_end, b"x")
        backend = AsyncioBackend()
        async with asyncio.timeout(10):
            await backend.create_waiter().wait(old, None)
        backend.release(old)
        for fd in (old, old_end, new, new_end):
            os.close(fd)

    asyncio.run(main())


@pytest.mark.parametrize(("registered", "fire"), [(Watch, Watch.readable), (Reader, Reader.doRead)])
def test_fires_for_nobody(registered: Callable[..., Any], fire: Callable[[Any], None]) -> None:
    """A descriptor that fires while nobody waits for it is taken off the loop, and not left to fire without end."""
    released: list[int] = []
    fire(registered(7, released.append))
    assert released == [7]


def test_too_many_sockets() -> None:
    """A context that is full says how many it allows."""
    context = zmqbridge.Context(max_sockets=2)
    for _ in range(2):
        context.puller()
    with pytest.raises(zmqbridge.ZmqBridgeError, match="the context allows 2"):
        context.puller()
    context.close()


def test_checkpoints_on_trio() -> None:
    """On trio every awaited operation is a checkpoint, whether it has to wait or not."""

    async def main() -> None:
        async with zmqbridge.Context() as context:
            pair = context.pair(bind="inproc://pair")
            other = context.pair(connect="inproc://pair")
            await pair.send_many([b"x"] * 10)
            for operation in (
                lambda: pair.send(b"x"),
                lambda: pair.send_many([b"x"]),
                lambda: pair.send_many([]),
                other.receive,
                other.receive_many,
                other.aclose,
                other.aclose,
                context.aclose,
                context.aclose,
            ):
                with trio.testing.assert_checkpoints():
                    await operation()

    trio.run(main)
