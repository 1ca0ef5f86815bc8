"""The supervisor, on asyncio: starts the participants, conducts them, and ends every one of them.

It is a zmqbridge program itself: it takes their reports, subscribes to all measurements to
show them, and gives its few orders as requests. Each participant shows its name as its routing id, so the
router that takes the reports knows who is there. In the middle of the run the supervisor kills one
of them, and starts another in its place. Whatever happens, it comes to its end in bounded
time: nothing is waited for without a limit, and a participant that does not end when it is told
to is killed. Should the supervisor itself be killed, the participants see their standard
input end, and follow.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import zmqbridge
from examples.demo.account import Account
from examples.demo.cast import CAST, HISTORIAN, KILLED, PUBLISHER, SUCCESSOR, SUPERVISOR, Role
from examples.demo.display import Board, Display, Gauge, Line
from examples.demo.messages import BEGIN, END, STOP, Report, Settings
from examples.demo.tally import Tally

__all__ = ["Supervisor"]

SERVERS = (PUBLISHER, HISTORIAN)

TICK = 0.2
"""Seconds between two drawings of the board."""
START_LIMIT = 60.0
"""Seconds for all processes to start and to hear the publisher."""
FINISH_LIMIT = 15.0
"""Seconds for all processes to come to their end, when all has gone well."""
GIVE_UP_LIMIT = 1.5
"""Seconds for the same after an interruption or a fault."""
SILENCE_LIMIT = 10.0
"""Seconds without a report after which a participant counts as hanging."""
TERMINATE_LIMIT = 1.0
"""Seconds between asking a process to end and killing it."""


class Fault(Exception):
    """A participant died, hangs, or did not come up: :attr:`Supervisor.faults` says which."""


class Interrupted(Exception):
    """The user wants the demo to end now."""


class Participant:
    """One process, as the supervisor knows it."""

    def __init__(self, role: Role, process: Process) -> None:
        self.role = role
        self.process = process
        self.line = Line(role, Report(name=role.name), connected=False)
        self.silence: float | None = None

    @property
    def report(self) -> Report:
        return self.line.report

    @property
    def gone(self) -> bool:
        """It has ended, and its connection with it."""
        return (self.process.returncode is not None and not self.line.connected) or self.line.failed

    @property
    def done(self) -> bool:
        """Its last report is here, or will never be."""
        return self.report.state == "done" or self.line.failed or self.line.killed

    def take(self, report: Report) -> None:
        self.line.take(report)
        self.silence = 0.0

    def tell(self, settings: Settings) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(settings.to_line())

    def kill(self) -> None:
        self.line.killed = True
        self.process.kill()


class Supervisor:
    """One run of the demo.

    Args:
        seconds: how long to measure.
        display: where to show what happens.

    Attributes:
        faults: which participants failed and how, in plain words.
    """

    def __init__(self, seconds: float, display: Display) -> None:
        self.faults: list[str] = []
        self._seconds = seconds
        self._display = display
        self._tally = Tally(SUPERVISOR.name, SUPERVISOR.tags)
        self._line = Line(SUPERVISOR, self._tally.report())
        self._participants: dict[str, Participant] = {}
        self._board = Board(seconds, [self._line])
        self._begin: float | None = None
        self._confirmed: set[tuple[Role, bytes]] = set()
        self._news = asyncio.Event()
        self._interruptions = 0
        self._faults_handled = 0
        self._ending = False

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the run."""
        return self._interruptions > 0

    def interrupt(self) -> None:
        """End early: in good order if the measurements have begun, at once the second time."""
        self._interruptions += 1
        self._news.set()

    def account(self) -> Account:
        """Return what every process has counted."""
        roles = [*CAST, SUPERVISOR]
        if SUCCESSOR.name in self._participants:
            roles.insert(roles.index(KILLED) + 1, SUCCESSOR)
        reports = {role.name: Report(name=role.name) for role in roles}
        return Account(roles, reports | {line.role.name: line.report for line in self._board.lines})

    async def run(self) -> None:
        """Run the demo to its end; :meth:`account` and :attr:`faults` then tell what came of it."""
        with (
            _signals_call(self.interrupt),
            TemporaryDirectory(prefix="zmqbridge-", ignore_cleanup_errors=True) as directory,
            self._display,
        ):
            local = {
                name: f"ipc://{Path(directory, name)}" for name in ("reports", "measurements", "history", "orders")
            }
            # No linger: all that the supervisor sends are orders, and each is confirmed before the end.
            async with zmqbridge.Context(linger=0.0) as context, asyncio.TaskGroup() as tasks:
                subscriber = context.subscriber(connect=local["measurements"], tags=SUPERVISOR.tags)
                watched = zmqbridge.SocketOptions(watch=True)
                router = context.router(bind=local["reports"], options=watched)
                # Who takes the last order ends right after its reply. Where "immediate" is set, as it is for
                # requesters, libzmq drops what was not read yet when a connection breaks, and that
                # reply may be among it.
                patient = zmqbridge.SocketOptions(immediate=False)
                self._orders = {
                    PUBLISHER.name: context.requester(connect=local["orders"], options=patient),
                    HISTORIAN.name: context.requester(connect=local["history"], options=patient),
                }
                background = [
                    tasks.create_task(self._collect_reports(router)),
                    tasks.create_task(self._watch_peers(router)),
                    tasks.create_task(self._watch_measurements(subscriber)),
                    tasks.create_task(self._keep_drawing()),
                ]
                try:
                    await self._conduct(tasks, local)
                finally:
                    await self._end_all()
                    for task in background:
                        task.cancel()
            self._draw(last=True)

    # --- the order of events ---

    async def _conduct(self, tasks: asyncio.TaskGroup, local: dict[str, str]) -> None:
        with suppress(Interrupted):
            try:
                await self._start(tasks, local)
                await self._measure(tasks, local)
                await self._finish(GIVE_UP_LIMIT if self.interrupted else FINISH_LIMIT)
            except Fault:
                self._faults_handled = len(self.faults)
                with suppress(Fault):
                    await self._finish(GIVE_UP_LIMIT)

    async def _start(self, tasks: asyncio.TaskGroup, local: dict[str, str]) -> None:
        """Start all processes at once; return when each of them hears the publisher."""
        everybody = [await self._launch(role, tasks) for role in CAST]
        servers = [self._participants[role.name] for role in SERVERS]
        for server in servers:
            server.tell(Settings(name=server.role.name, tags=server.role.tags, **local))
        await self._until_all(servers, lambda server: bool(server.report.addresses), "listening", START_LIMIT)

        for reader in everybody:
            if reader not in servers:
                self._introduce(reader, local)
        await self._until_all(everybody, lambda reader: reader.report.state == "ready", "ready", START_LIMIT)
        await self._until(lambda: self._tally.ready, START_LIMIT)

    async def _launch(self, role: Role, tasks: asyncio.TaskGroup) -> Participant:
        participant = self._participants[role.name] = Participant(role, await _start_process(role))
        self._board.lines.append(participant.line)
        tasks.create_task(self._watch_process(participant))
        return participant

    def _introduce(self, reader: Participant, local: dict[str, str]) -> None:
        """Tell a reader where the publisher and the historian are."""
        servers = [self._participants[role.name] for role in SERVERS]
        measurements, history = (
            next(address for address in server.report.addresses if address.startswith(reader.role.transport))
            for server in servers
        )
        addresses = local | {"measurements": measurements, "history": history}
        reader.tell(Settings(name=reader.role.name, tags=reader.role.tags, **addresses))

    async def _measure(self, tasks: asyncio.TaskGroup, local: dict[str, str]) -> None:
        await self._order(PUBLISHER, BEGIN, FINISH_LIMIT)
        self._begin = asyncio.get_running_loop().time()
        self._board.phase = "measuring"
        await self._until(lambda: self.interrupted, self._seconds / 2)
        if not self.interrupted:
            await self._kill_and_replace(tasks, local)
            await self._until(lambda: self.interrupted, self._seconds - self._elapsed)

    async def _kill_and_replace(self, tasks: asyncio.TaskGroup, local: dict[str, str]) -> None:
        """Kill one reader in the middle of its work, and return when another receives in its place."""
        killed = self._participants[KILLED.name]
        await self._until_all([killed], lambda reader: reader.report.state == "running", "running", START_LIMIT)
        killed.kill()
        self._note(f"{KILLED.name} is killed")
        await self._until_all([killed], lambda reader: reader.gone, "gone", FINISH_LIMIT)
        successor = await self._launch(SUCCESSOR, tasks)
        self._introduce(successor, local)
        await self._until_all([successor], lambda reader: reader.report.state == "running", "running", START_LIMIT)

    async def _finish(self, limit: float) -> None:
        """Let the publisher say that this was all, and wait for everybody's last report and end."""
        servers = [self._participants.get(role.name) for role in SERVERS]
        if self._begin is None or any(server is None or server.line.failed for server in servers):
            return
        self._draw()
        self._board.phase = "finishing"
        everybody = self._participants.values()
        await self._order(PUBLISHER, END, limit)
        readers = [participant for participant in everybody if participant.role not in SERVERS]
        await self._until_all(readers, lambda reader: reader.done, "done", limit)
        await self._until(lambda: self._tally.ended, limit)
        # A socket that has lost its peer lingers over what it would still tell it: so the clients go first.
        await self._order(HISTORIAN, STOP, limit)
        clients = [participant for participant in everybody if participant.role is not PUBLISHER]
        await self._until_all(clients, lambda client: client.done and client.gone, "gone", limit)
        await self._order(PUBLISHER, STOP, limit)
        await self._until_all(everybody, lambda participant: participant.done and participant.gone, "gone", limit)
        self._board.phase = "finished"

    async def _order(self, role: Role, order: bytes, limit: float) -> None:
        """Give an order and see it confirmed; one that was is not given again."""
        if (role, order) in self._confirmed:
            return
        try:
            await self._orders[role.name].request(order, timeout=limit)
            self._confirmed.add((role, order))
        except zmqbridge.RequestTimeout:
            self._fail(self._participants[role.name], f"took no order within {limit:g} s")
            raise Fault from None

    async def _until_all(
        self, participants: Collection[Participant], condition: Callable[[Participant], bool], state: str, limit: float
    ) -> None:
        """Return when a condition holds for all of these; those for which it does not in time have failed."""
        if not await self._until(lambda: all(map(condition, participants)), limit):
            for participant in participants:
                if not condition(participant):
                    self._fail(participant, f"was not {state} within {limit:g} s")
            raise Fault

    async def _until(self, condition: Callable[[], bool], limit: float) -> bool:
        """Return whether a condition holds before a limit in seconds; it is looked at whenever there is news.

        Raises:
            Fault: if a participant fails meanwhile.
            Interrupted: if the user does not want to wait for it.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not condition():
                    if self._interruptions > (0 if self._begin is None else 1):
                        raise Interrupted
                    if len(self.faults) > self._faults_handled:
                        raise Fault
                    self._news.clear()
                    await self._news.wait()
                return True
        return False

    def _fail(self, participant: Participant, reason: str) -> None:
        if not participant.line.failed:
            participant.line.failed = True
            self.faults.append(f"{participant.role.name} {reason}")
            self._news.set()

    async def _end_all(self) -> None:
        """End the processes that still run: ask them to, then kill them."""
        self._ending = True
        for end in (Process.terminate, Process.kill):
            running = [one.process for one in self._participants.values() if one.process.returncode is None]
            for process in running:
                with suppress(ProcessLookupError):
                    end(process)
            with suppress(TimeoutError):
                async with asyncio.timeout(TERMINATE_LIMIT):
                    for process in running:
                        await process.wait()

    # --- in the background ---

    async def _collect_reports(self, router: zmqbridge.Router) -> None:
        async for peer, frames in router:
            self._participants[peer.decode()].take(Report.from_bytes(frames[0]))
            self._news.set()

    async def _watch_peers(self, router: zmqbridge.Router) -> None:
        async for change in router.peer_changes():
            name = change.peer.decode()
            self._participants[name].line.connected = change.connected
            if self._board.phase == "measuring":
                self._note(f"{name} has {'come' if change.connected else 'left'}: {self._board.connected_of_all}")
            self._news.set()

    async def _watch_measurements(self, subscriber: zmqbridge.Subscriber) -> None:
        async for tag, message in subscriber:
            measurement = self._tally.receive(tag, message)
            if measurement is not None:
                gauge = self._board.gauges.setdefault(tag.decode(), Gauge(measurement["unit"]))
                gauge.values.append(measurement["value"])
            self._news.set()
            if self._tally.ended:
                break
        subscriber.close()

    async def _watch_process(self, participant: Participant) -> None:
        process = participant.process
        assert process.stderr is not None
        errors = (await process.stderr.read()).decode(errors="replace").splitlines()
        status = await process.wait()
        if status and not participant.line.killed and not self._ending:
            how = f"ended with status {status}" if status > 0 else f"was killed by {signal.Signals(-status).name}"
            self._fail(participant, f"{how}: {errors[-1].strip()}" if errors else how)
        self._news.set()

    async def _keep_drawing(self) -> None:
        while True:
            self._draw()
            for participant in self._participants.values():
                self._listen_to(participant)
            await asyncio.sleep(TICK)

    @property
    def _elapsed(self) -> float:
        return 0.0 if self._begin is None else asyncio.get_running_loop().time() - self._begin

    def _draw(self, *, last: bool = False) -> None:
        if self._board.phase == "measuring":
            self._board.elapsed = min(self._elapsed, self._seconds)
        self._line.take(self._tally.report(last=last))
        self._display.show(self._board)

    def _note(self, news: str) -> None:
        self._board.news.append(f"{self._elapsed:.1f} s: {news}")

    def _listen_to(self, participant: Participant) -> None:
        # In ticks of this process rather than by the clock: after a pause of the whole machine nobody has hung.
        if participant.silence is not None and not participant.done:
            participant.silence += TICK
            if participant.silence > SILENCE_LIMIT:
                self._fail(participant, f"hangs: no report for {SILENCE_LIMIT:g} s")


async def _start_process(role: Role) -> Process:
    # In a process group of its own, where the terminal's Ctrl-C does not reach it: the supervisor
    # ends it in good order, so that the account of an interrupted run is complete as well.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"examples.demo.{role.module}",
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=PIPE,
        process_group=0,
    )


@contextmanager
def _signals_call(callback: Callable[[], None]) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM call something on the running loop, while this is entered."""
    loop = asyncio.get_running_loop()

    # Not loop.add_signal_handler(): the loop's end would bring back KeyboardInterrupt.
    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
