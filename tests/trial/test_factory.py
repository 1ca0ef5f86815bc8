"""``ZmqFactory``: its reactor, its context, what it hands on to connections, and how it ends."""

# ruff: noqa: N815 - the attributes are txZMQ's

from __future__ import annotations

import contextlib
import importlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import txzmq
import zmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.threads import deferToThread

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase

ROOT = Path(__file__).parent.parent.parent
TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")


def run_program(source: str, *arguments: str) -> Deferred[Any]:
    """Run a program in a fresh interpreter; fire with what it did once it has ended."""
    command = [sys.executable, "-c", dedent(source), *arguments]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    return deferToThread(run)


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """Lend an address that nobody else can take, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{taken.getsockname()[1]}"


class ReactorTests(ZmqTestCase):
    def test_global_by_default(self) -> None:
        """Without an argument it is the global reactor, on the class and on an instance."""
        self.assertIs(tx.ZmqFactory.reactor, reactor)
        self.assertIs(self.factory.reactor, reactor)

    def test_class_attribute(self) -> None:
        """A subclass may name the reactor."""
        clock = MemoryReactorClock()

        class Factory(tx.ZmqFactory):
            reactor = clock

        self._used_by(Factory(), clock)

    def test_instance_attribute(self) -> None:
        """The reactor may be assigned before the first connection is made."""
        clock = MemoryReactorClock()
        factory = tx.ZmqFactory()
        factory.reactor = clock
        self._used_by(factory, clock)

    def test_argument(self) -> None:
        """The reactor may be an argument, which a subclass's attribute does not override."""
        clock = MemoryReactorClock()

        class Factory(tx.ZmqFactory):
            reactor = MemoryReactorClock()

        self._used_by(tx.ZmqFactory(clock), clock)
        self._used_by(Factory(clock), clock)

    def _used_by(self, factory: tx.ZmqFactory, clock: Any) -> None:
        self.assertIs(factory.reactor, clock)
        pull = tx.ZmqPullConnection(factory, tx.ZmqEndpoint("bind", "inproc://one"))
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", "inproc://one"))
        self.assertEqual(set(clock.getReaders()), {pull, push})
        push.push(b"message")
        self.assertEqual(pulled, [])
        clock.advance(0)
        self.assertEqual(pulled, [([b"message"],)])
        factory.shutdown()
        self.assertEqual(clock.getReaders(), [])

    async def test_no_global_reactor_in_memory(self) -> None:
        """Every module, and a factory with a reactor in memory, leaves the global reactor unimported."""
        done = await run_program(
            """
            import importlib, pkgutil, sys
            from twisted.internet.testing import MemoryReactorClock
            import zmqbridge_twisted as tx

            for module in pkgutil.walk_packages(tx.__path__, "zmqbridge_twisted."):
                importlib.import_module(module.name)
            clock = MemoryReactorClock()
            factory = tx.ZmqFactory(clock)
            factory.registerForShutdown()
            pull = tx.ZmqPullConnection(factory, tx.ZmqEndpoint("bind", "inproc://one"))
            pull.onPull = print
            tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", "inproc://one")).push(b"message")
            clock.advance(0)
            factory.shutdown()
            print("twisted.internet.reactor" in sys.modules)
            """
        )
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("[b'message']\nFalse\n", "", 0))

    async def test_no_global_reactor_running(self) -> None:
        """A program that runs a reactor of its own never imports the global one, from first message to shutdown."""
        done = await run_program(
            """
            import importlib, pkgutil, sys
            from twisted.internet.selectreactor import SelectReactor
            import zmqbridge_twisted as tx

            for module in pkgutil.walk_packages(tx.__path__, "zmqbridge_twisted."):
                importlib.import_module(module.name)
            own = SelectReactor()
            factory = tx.ZmqFactory(own)
            pull = tx.ZmqPullConnection(factory, tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
            address = pull.socket.LAST_ENDPOINT.rstrip(b"\\0").decode()
            push = tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", address))

            def onPull(message):
                print(message)
                factory.shutdown().addCallback(lambda _: own.stop())

            pull.onPull = onPull
            own.callWhenRunning(lambda: push.sendDeferred(b"message"))
            own.run(installSignalHandlers=False)
            print("twisted.internet.reactor" in sys.modules)
            """
        )
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("[b'message']\nFalse\n", "", 0))


class ContextTests(ZmqTestCase):
    def test_context(self) -> None:
        """It owns one ``zmq.Context``, of its own, until it is shut down."""
        context = self.factory.context
        self.assertIsInstance(context, zmq.Context)
        self.assertIs(self.factory.context, context)
        self.assertIsNot(self.make_factory().context, context)
        self.factory.shutdown()
        self.assertIsNone(self.factory.context)

    def test_io_threads(self) -> None:
        """``ioThreads`` reaches libzmq, from the class, a subclass or the instance."""

        class Factory(tx.ZmqFactory):
            ioThreads = 2

        self.assertEqual(tx.ZmqFactory.ioThreads, 1)
        factories = [self.factory, Factory(), tx.ZmqFactory()]
        factories[2].ioThreads = 3
        self._factories.extend(factories[1:])
        self.assertEqual([factory.context.get(zmq.IO_THREADS) for factory in factories], [1, 2, 3])

    def test_linger_period(self) -> None:
        """``lingerPeriod`` is in milliseconds and reaches each socket; -1 is for ever."""
        self.assertEqual(tx.ZmqFactory.lingerPeriod, 100)
        for period in (100, 0, 1, 1234, -1):
            self.factory.lingerPeriod = period
            pull = tx.ZmqPullConnection(self.factory)
            self.assertEqual(pull.socket.getsockopt(zmq.LINGER), period)

    def test_bad_linger_period(self) -> None:
        """A linger period that is no number is an error that names it, and opens nothing."""
        self.factory.lingerPeriod = "long"  # type: ignore[assignment]
        with self.assertRaises(zmqbridge.OptionError) as raised:
            tx.ZmqPullConnection(self.factory)
        self.assertIn("lingerPeriod='long'", str(raised.exception))
        self.assertEqual(self.factory.connections, set())
        self.factory.lingerPeriod = 0

    def test_connections(self) -> None:
        """``connections`` is the set of those open; ``None`` in the end, and then no more can be made."""
        self.assertEqual(self.factory.connections, set())
        pull, push = tx.ZmqPullConnection(self.factory), tx.ZmqPushConnection(self.factory)
        self.assertEqual(self.factory.connections, {pull, push})
        pull.shutdown()
        self.assertEqual(self.factory.connections, {push})
        self.factory.shutdown()
        self.assertIsNone(self.factory.connections)
        with self.assertRaises(zmqbridge.ConnectionClosed):
            tx.ZmqPullConnection(self.factory)

    def test_repr(self) -> None:
        """It shows as txZMQ's does, whatever its class, before and after its end."""

        class Mine(tx.ZmqFactory):
            pass

        self.assertEqual(repr(self.factory), "ZmqFactory()")
        self.assertEqual(repr(Mine()), "ZmqFactory()")
        self.factory.shutdown()
        self.assertEqual(repr(self.factory), "ZmqFactory()")


class ShutdownTests(ZmqTestCase):
    async def test_shuts_connections_down(self) -> None:
        """Every connection is closed and out of the reactor at once; the Deferred fires when the context has ended."""
        context = self.factory.context
        pull, push = tx.ZmqPullConnection(self.factory, TCP), tx.ZmqPushConnection(self.factory)
        ended: Deferred[Any] = self.factory.shutdown()
        self.assertIsInstance(ended, Deferred)
        for connection in (pull, push):
            self.assertIsNone(connection.factory)
            self.assertIsNone(connection.socket)
            self.assertNotIn(connection, self.reactor.getReaders())
        self.assertIsNone(await ended)
        self.assertTrue(context.closed)

    async def test_twice(self) -> None:
        """Shutting down again is no error, under way or long over, and its Deferred fires too."""
        tx.ZmqPullConnection(self.factory, TCP)
        first, second = self.factory.shutdown(), self.factory.shutdown()
        await second
        await first
        await self.factory.shutdown()

    async def test_without_a_connection(self) -> None:
        """A factory that was never used shuts down, and so does one whose context was only looked at."""
        await self.make_factory().shutdown()
        self.factory.context  # noqa: B018 - makes it
        await self.factory.shutdown()

    async def test_cancelled(self) -> None:
        """Cancelling one caller's Deferred ends nothing and disturbs no other's."""
        tx.ZmqPullConnection(self.factory, TCP)
        first, second = self.factory.shutdown(), self.factory.shutdown()
        first.addErrback(lambda _: None)
        first.cancel()
        await second

    async def test_linger_does_not_block(self) -> None:
        """With unsent messages it returns at once, the reactor goes on, and the Deferred fires after the linger."""
        self.factory.lingerPeriod = 500
        ticks: list[float] = []
        ticker = LoopingCall(lambda: ticks.append(self.reactor.seconds()))
        with refusing() as address:
            push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", address))
            push.push(b"never sent")
            ticker.start(0.01)
            began = self.reactor.seconds()
            ended = self.factory.shutdown()
            self.assertLess(self.reactor.seconds() - began, 0.3)
            self.assertFalse(ended.called)
            await ended
            ticker.stop()
        self.assertGreater(self.reactor.seconds() - began, 0.4)
        self.assertGreater(len(ticks), 5)

    async def test_no_linger(self) -> None:
        """With a linger period of 0, what is unsent is dropped, and the context ends though no peer ever comes."""
        self.factory.lingerPeriod = 0
        with refusing() as address:
            tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", address)).push(b"never sent")
            await self.factory.shutdown()

    async def test_endless_linger(self) -> None:
        """With a linger period of -1 the context ends once a peer has come for what is unsent."""
        self.factory.lingerPeriod = -1
        with tempfile.TemporaryDirectory() as directory:
            address = f"ipc://{directory}/late"
            push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", address))
            push.push(b"late")
            ended = self.factory.shutdown()
            await self.turns()
            self.assertFalse(ended.called)
            pull = tx.ZmqPullConnection(self.make_factory(), tx.ZmqEndpoint("bind", address))
            pulled = self.collect(pull, "onPull")
            await ended
            await self.until(lambda: pulled)
        self.assertEqual(pulled, [([b"late"],)])

    async def test_sends_what_is_unsent(self) -> None:
        """All that was sent before it arrives."""
        self.factory.lingerPeriod = 20_000
        pull = tx.ZmqPullConnection(self.make_factory(), TCP)
        pulled = self.collect(pull, "onPull")
        push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pull)))
        for number in range(1000):
            push.push(str(number))
        await self.factory.shutdown()
        await self.until(lambda: len(pulled) == 1000)
        self.assertEqual([int(message[0]) for (message,) in pulled], list(range(1000)))

    async def test_from_another_thread(self) -> None:
        """Another thread cannot shut it down; then nothing is closed."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        await self.turns()
        with self.assertRaises(zmqbridge.LocalProtocolError):
            await deferToThread(self.factory.shutdown)
        connections, closed = self.factory.connections, pull.socket.closed
        pull.shutdown()
        await self.factory.shutdown()
        if self.factory.context is not None:
            self.factory.context.term()
            self.fail("it could not be shut down any more")
        self.assertIsNotNone(connections)
        self.assertFalse(closed)


class AddressTests(ZmqTestCase):
    """What listened can listen again once the factory is shut down."""

    async def _again(self, address: str) -> None:
        library = self.library
        for _ in range(100):
            factory = library.ZmqFactory()
            library.ZmqREPConnection(factory, library.ZmqEndpoint("bind", address))
            factory.shutdown()
            await self.turns(1)
        rep = library.ZmqREPConnection(self.factory, library.ZmqEndpoint("bind", address))
        rep.gotMessage = rep.reply
        client = library.ZmqREQConnection(self.factory, library.ZmqEndpoint("connect", address))
        self.assertEqual(await client.sendMsg(b"request"), [b"request"])

    async def test_tcp(self) -> None:
        """A port can be bound again in the next turn, time after time, and is served."""
        address = self.bound(self.library.ZmqPullConnection(self.make_factory(), TCP))
        self._factories.pop().shutdown()
        await self.until(lambda: self._is_free(address))
        await self._again(address)

    async def test_ipc(self) -> None:
        """So can a path, and the file of the new one is not removed with the old one's."""
        with tempfile.TemporaryDirectory() as directory:
            await self._again(f"ipc://{directory}/path")

    def _is_free(self, address: str) -> bool:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", int(address.rpartition(":")[2])))
            except OSError:
                return False
        return True


class TxzmqAddressTests(AddressTests):
    """The same of txZMQ."""

    library = txzmq


class ReleaseTests(ZmqTestCase):
    async def test_unbound_behind_its_back(self) -> None:
        """An address that the program has left by itself is not waited for."""
        factory = self.make_factory()
        rep = tx.ZmqREPConnection(factory, TCP)
        rep.socket.unbind(self.bound(rep))
        await factory.shutdown()


class RegisterForShutdownTests(ZmqTestCase):
    PROGRAM = """
        import importlib, sys
        importlib.import_module(sys.argv[2]).install()
        from twisted.internet import reactor
        import zmqbridge_twisted as tx

        factory = tx.ZmqFactory()
        factory.lingerPeriod = 10_000
        factory.registerForShutdown()
        push = tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", sys.argv[1]))

        def run():
            for number in range(500):
                push.push(str(number))
            {shutdown}
            reactor.stop()

        reactor.callWhenRunning(run)
        reactor.run()
        print(factory.context, factory.connections, factory.trigger, push.socket)
        """

    async def test_stopped_reactor(self) -> None:
        """The reactor's end shuts the factory down, and all that was sent arrives though the program ends at once."""
        await self._delivers_all("")

    async def test_shut_down_before(self) -> None:
        """A factory that was shut down before the reactor stopped likewise sends all."""
        await self._delivers_all("factory.shutdown()")

    async def _delivers_all(self, shutdown: str) -> None:
        pull = tx.ZmqPullConnection(self.factory, TCP)
        pulled = self.collect(pull, "onPull")
        program = dedent(self.PROGRAM).replace("{shutdown}", shutdown)
        done = await run_program(program, self.bound(pull), type(reactor).__module__)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("None None None None\n", "", 0))
        await self.until(lambda: len(pulled) == 500)
        self.assertEqual([int(message[0]) for (message,) in pulled], list(range(500)))

    def test_once(self) -> None:
        """Registering twice registers once, and shutting down takes it back."""
        triggers: list[tuple[Any, ...]] = []

        class Reactor(MemoryReactorClock):
            def addSystemEventTrigger(self, *trigger: Any) -> Any:  # type: ignore[override]
                triggers.append(trigger)
                return trigger

            def removeSystemEventTrigger(self, trigger: Any) -> None:
                triggers.remove(trigger)

        factory = tx.ZmqFactory(Reactor())
        self.assertIsNone(factory.trigger)
        factory.registerForShutdown()
        factory.registerForShutdown()
        self.assertEqual([trigger[:2] for trigger in triggers], [("during", "shutdown")])
        self.assertIs(factory.trigger, triggers[0])
        factory.shutdown()
        self.assertEqual(triggers, [])
        self.assertIsNone(factory.trigger)


class ReexportTests(ZmqTestCase):
    def test_same_names_as_txzmq(self) -> None:
        """Every public name of txZMQ's package is here as well."""
        txzmq = importlib.import_module("txzmq")
        for name in txzmq.__all__:
            self.assertTrue(hasattr(tx, name), name)
