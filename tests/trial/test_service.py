"""``ZmqService``: a factory that lives as a Twisted service does, and ``twistd`` programs that are made of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent
from typing import Any

import zmq
from twisted.application.service import Application, IService, IServiceCollection, MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

import zmqbridge
import zmqbridge_twisted as tx
from tests.trial.base import ZmqTestCase
from zmqbridge_twisted.service import ZmqService

ROOT = Path(__file__).parent.parent.parent
TCP = tx.ZmqEndpoint("bind", "tcp://127.0.0.1:*")
TWISTD = "from twisted.scripts.twistd import run; run()"

# As twistd --reactor calls them.
REACTORS = {
    "EPollReactor": "epoll",
    "PollReactor": "poll",
    "SelectReactor": "select",
    "AsyncioSelectorReactor": "asyncio",
    "KQueueReactor": "kqueue",
}


class ServiceTests(ZmqTestCase):
    def service(self, *arguments: Any, **keywords: Any) -> ZmqService:
        """Return a service whose factories end with the case."""
        service = ZmqService(*arguments, **keywords)
        make = service.makeFactory

        def make_factory() -> tx.ZmqFactory:
            factory = make()
            self._factories.append(factory)
            return factory

        service.makeFactory = make_factory
        return service

    async def test_start_and_stop(self) -> None:
        """It makes a factory and calls ``connect`` with it when it starts, and shuts it down when it stops."""
        connected: list[Any] = []
        service = self.service(connected.append)
        self.assertIsNone(service.factory)
        self.assertEqual((service.running, connected), (False, []))
        service.startService()
        factory = service.factory
        assert factory is not None
        self.assertIsInstance(factory, tx.ZmqFactory)
        self.assertIs(factory.reactor, reactor)
        self.assertTrue(service.running)
        self.assertEqual(connected, [factory])
        context = factory.context
        stopped = service.stopService()
        self.assertFalse(service.running)
        self.assertIsNone(service.factory)
        self.assertIsInstance(stopped, Deferred)
        assert stopped is not None
        await stopped
        self.assertTrue(context.closed)

    async def test_start_again(self) -> None:
        """It may be started again: with a new factory, which ``connect`` gets, and which works."""
        pulled: list[Any] = []
        pulls: list[tx.ZmqPullConnection] = []

        def connect(factory: tx.ZmqFactory) -> None:
            pull = tx.ZmqPullConnection(factory, TCP)
            pull.onPull = pulled.append  # type: ignore[method-assign, assignment]
            pulls.append(pull)

        service = self.service(connect)
        factories = []
        for count in (1, 2, 3):
            service.startService()
            factories.append(service.factory)
            push = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self.bound(pulls[-1])))
            push.push(str(count))
            await self.until(lambda count=count: len(pulled) == count)  # type: ignore[misc]
            push.shutdown()
            stopped = service.stopService()
            assert stopped is not None
            await stopped
        self.assertEqual(pulled, [[b"1"], [b"2"], [b"3"]])
        self.assertEqual(len(set(factories)), 3)

    def test_nothing_before_it_starts(self) -> None:
        """Making a service opens nothing and calls nothing, so that the process may fork."""
        before = self._descriptors()
        service = self.service(self.fail)
        self.assertIsNone(service.factory)
        self.assertEqual(self._descriptors(), before)

    async def test_without_connect(self) -> None:
        """Without ``connect`` it has a factory without connections."""
        service = self.service()
        service.startService()
        assert service.factory is not None
        self.assertEqual(service.factory.connections, set())
        await self._stopped(service)

    async def test_overridden(self) -> None:
        """A subclass may override ``connect``; an argument comes before it."""
        connected: list[Any] = []

        class Service(ZmqService):
            def connect(self, factory: tx.ZmqFactory) -> None:
                connected.append((self, factory))

        service = Service()
        service.startService()
        self.assertEqual(connected, [(service, service.factory)])
        await self._stopped(service)
        others: list[Any] = []
        service = Service(others.append)
        service.startService()
        self.assertEqual((len(connected), others), (1, [service.factory]))
        await self._stopped(service)

    async def test_make_factory(self) -> None:
        """``makeFactory`` may be replaced, for a factory with other attributes."""

        class Factory(tx.ZmqFactory):
            pass

        service = ZmqService()
        service.makeFactory = Factory
        service.startService()
        self.assertIsInstance(service.factory, Factory)
        await self._stopped(service)

    def test_reactor(self) -> None:
        """Its reactor is the factory's."""
        clock = MemoryReactorClock()
        service = ZmqService(tx.ZmqPullConnection, clock)
        service.startService()
        assert service.factory is not None
        self.assertIs(service.factory.reactor, clock)
        self.assertEqual(len(clock.getReaders()), 1)
        service.stopService()
        self.assertEqual(clock.getReaders(), [])

    async def test_connect_raises(self) -> None:
        """If ``connect`` raises, so does the start, nothing is left open, and the service does not run."""
        address = self.bound(tx.ZmqPullConnection(self.factory, TCP))
        readers = set(self.reactor.getReaders())
        made: list[Any] = []

        def connect(factory: tx.ZmqFactory) -> None:
            made.append(tx.ZmqPullConnection(factory, TCP))
            tx.ZmqPullConnection(factory, tx.ZmqEndpoint("bind", address))

        service = self.service(connect)
        for _ in range(2):
            with self.assertRaises(zmqbridge.EndpointError):
                service.startService()
            self.assertIsNone(service.factory)
            self.assertFalse(service.running)
        self.assertEqual([pull.factory for pull in made], [None, None])
        self.assertEqual(set(self.reactor.getReaders()), readers)
        self.assertIsNone(service.stopService())

    async def test_stopped_twice(self) -> None:
        """Stopping what does not run does nothing."""
        service = self.service()
        self.assertIsNone(service.stopService())
        service.startService()
        await self._stopped(service)
        self.assertIsNone(service.stopService())

    async def test_sends_what_is_unsent(self) -> None:
        """What it sent before it stopped arrives; the Deferred of the stop waits for that."""
        pull = tx.ZmqPullConnection(self.factory, TCP)
        pulled = self.collect(pull, "onPull")

        def connect(factory: tx.ZmqFactory) -> None:
            factory.lingerPeriod = 20_000
            push = tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", self.bound(pull)))
            for number in range(200):
                push.push(str(number))

        service = self.service(connect)
        service.startService()
        await self._stopped(service)
        await self.until(lambda: len(pulled) == 200)

    async def test_application(self) -> None:
        """In an application, under other services, it starts and stops with it."""
        connected: list[Any] = []
        application = Application("tests")
        group = MultiService()
        group.setServiceParent(IServiceCollection(application))
        services = [self.service(connected.append), self.service(connected.append)]
        for service in services:
            service.setServiceParent(group)
        self.assertEqual(connected, [])
        whole: Any = IService(application)
        whole.privilegedStartService()
        whole.startService()
        self.assertEqual(connected, [service.factory for service in services])
        late = self.service(connected.append)
        late.setServiceParent(group)
        self.assertEqual(connected[2:], [late.factory])
        stopped = late.disownServiceParent()
        if stopped is not None:
            await stopped
        self.assertIsNone(connected[2].connections)
        await whole.stopService()
        self.assertEqual([factory.context for factory in connected], [None, None, None])
        self.assertEqual([service.factory for service in services], [None, None])

    async def _stopped(self, service: ZmqService) -> None:
        stopped = service.stopService()
        assert stopped is not None
        await stopped


class TwistdTests(ZmqTestCase):
    """A program of one file, run by ``twistd``."""

    timeout = 60.0

    # It tells that it has received a message, and sends ten more to where nobody listens yet.
    PROGRAM = """
        from twisted.application.service import Application
        import zmqbridge_twisted as tx
        from zmqbridge_twisted.service import ZmqService

        def connect(factory):
            factory.lingerPeriod = 30_000
            {register}
            commands = tx.ZmqPullConnection(factory, tx.ZmqEndpoint("bind", {commands!r}))
            told = tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", {told!r}))
            results = tx.ZmqPushConnection(factory, tx.ZmqEndpoint("connect", {results!r}))

            def onPull(message):
                for number in range(10):
                    results.push([*message, str(number)])
                told.push(message)

            commands.onPull = onPull

        application = Application("tests")
        {start}
        """
    SERVICE = "ZmqService(connect).setServiceParent(application)"

    def setUp(self) -> Any:
        # Short, for ipc.
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.process: subprocess.Popen[str] | None = None
        return super().setUp()

    def tearDown(self) -> Any:
        if self.process is not None:
            with self.process:
                self.process.kill()
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self.pidfile.read_text()), signal.SIGKILL)
        return super().tearDown()

    @property
    def pidfile(self) -> Path:
        return Path(self.directory, "twistd.pid")

    def _address(self, name: str) -> str:
        return f"ipc://{self.directory}/{name}"

    def launch(self, *options: str, register: str = "", start: str = SERVICE) -> subprocess.Popen[str]:
        addresses = {name: self._address(name) for name in ("commands", "told", "results")}
        program = Path(self.directory, "app.tac")
        program.write_text(dedent(self.PROGRAM).format(**addresses, register=register, start=start))
        command = [sys.executable, "-c", TWISTD, f"--reactor={REACTORS[type(self.reactor).__name__]}"]
        command += [f"--pidfile={self.pidfile}", f"--logfile={self.directory}/log", *options, "-y", str(program)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    async def _message_passes(self) -> None:
        """Send a command, and return when the program says that it got it."""
        told = tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("bind", self._address("told")))
        heard = self.collect(told, "onPull")
        commands = tx.ZmqPushConnection(self.factory, tx.ZmqEndpoint("connect", self._address("commands")))
        commands.push(b"command")
        await self.until(lambda: heard or self._ended_early())
        self.assertEqual(heard, [([b"command"],)])

    def _ended_early(self) -> bool:
        code = None if self.process is None else self.process.poll()
        return code is not None and (code != 0 or not self.pidfile.exists())

    def log_text(self) -> str:
        return Path(self.directory, "log").read_text()

    async def _results_arrive(self) -> None:
        """Be there for what the program has sent, only now."""
        pull = tx.ZmqPullConnection(self.factory, tx.ZmqEndpoint("bind", self._address("results")))
        pulled = self.collect(pull, "onPull")
        limit = self.reactor.seconds() + 10
        await self.until(lambda: len(pulled) == 10 or self.reactor.seconds() > limit)
        self.assertEqual(
            [message for (message,) in pulled], [[b"command", str(number).encode()] for number in range(10)]
        )

    async def test_in_the_foreground(self) -> None:
        """``twistd -n`` runs it; stopped by SIGTERM it sends what is unsent, to a peer that comes late, and ends."""
        process = self.launch("-n")
        await self._message_passes()
        process.terminate()
        await self.until(lambda: "Received SIGTERM" in self.log_text())
        self.assertIsNone(process.poll())
        await self._results_arrive()
        await self.until(lambda: process.poll() is not None)
        output, _ = process.communicate()
        # As programs do, twistd ends by the signal that it got.
        self.assertEqual((process.returncode, output), (-signal.SIGTERM, ""))
        self.assertNotIn("Traceback", self.log_text())
        self.assertFalse(self.pidfile.exists())

    async def test_registered_factory(self) -> None:
        """A factory that is no service's, but registered for shutdown, likewise sends what is unsent."""
        process = self.launch("-n", register="factory.registerForShutdown()", start="connect(tx.ZmqFactory())")
        await self._message_passes()
        process.terminate()
        await self.until(lambda: "Received SIGTERM" in self.log_text())
        await self._results_arrive()
        await self.until(lambda: process.poll() is not None)

    async def test_daemonised(self) -> None:
        """``twistd`` that forks into the background runs it, and sends what is unsent at its end, likewise."""
        process = self.launch()
        await self.until(lambda: process.poll() is not None)
        self.assertEqual(process.returncode, 0)
        await self._message_passes()
        pid = int(self.pidfile.read_text())
        self.assertNotEqual(pid, process.pid)
        os.kill(pid, signal.SIGTERM)
        await self.until(lambda: "Received SIGTERM" in self.log_text())
        self.assertTrue(self.pidfile.exists())
        await self._results_arrive()
        await self.until(lambda: not self.pidfile.exists())
        self.assertNotIn("Traceback", self.log_text())

    if sys.platform == "win32":
        skip = "ipc and SIGTERM are not there"
    elif not zmq.has("ipc"):
        skip = "this libzmq has no ipc"
