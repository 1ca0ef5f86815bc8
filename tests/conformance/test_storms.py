"""Storms: many tasks at random on shared connections, cancelled at random; nothing is lost, doubled or mixed up.

A storm is a function of its dice, so that a seed repeats it as far as the machine allows. One seed of each run is
fresh, and printed by a test that fails: give it in ``SEEDS`` to see that storm again.

The known storms and those of shorter turns run on the loop that stands for each backend, the fresh one on every loop.
A storm goes over one transport, and over the other as well where the fresh one meets the loop of each backend; the
rest of the product, and storms of their whole length, are for a run that leaves out nothing.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness, Task, TaskCancelled
from tests.conftest import Addresses
from tests.size import of_whole
from zmqbridge import SocketOptions

pytestmark = pytest.mark.looks_at("waiting", "cancelling")

# How many messages one turn of the loop reads, and how many it sends, at most.
USUAL_TURN = 256
TURNS = (1, 2, 3, USUAL_TURN)

SEEDS = [1, 20]
FRESH = int.from_bytes(os.urandom(4), "big")

TRANSPORTS = ("tcp", "inproc")
# How many turns of the loop a storm lasts.
TURNS_OF_A_STORM = 8 * of_whole(38)


@dataclass(frozen=True)
class Weather:
    """What a storm is made of.

    Attributes:
        seed: the dice's.
        turn_limit: how many messages one turn reads, and how many it sends, at most.
        transport: what the messages go over.
    """

    seed: int
    turn_limit: int = USUAL_TURN
    transport: str = TRANSPORTS[0]

    def __str__(self) -> str:
        seed = "fresh seed" if self.seed == FRESH else f"seed {self.seed}"
        turns = "" if self.turn_limit == USUAL_TURN else f", turns of {self.turn_limit}"
        return f"{seed}{turns}, {self.transport}"

    def dice(self) -> random.Random:
        print(f"seed={self.seed}")  # noqa: T201 (pytest shows it where the test fails)
        return random.Random(self.seed)

    @property
    def context(self) -> dict[str, Any]:
        """The arguments of a storm's context."""
        return {} if self.turn_limit == USUAL_TURN else {"turn_limit": self.turn_limit}


def weathers() -> Iterator[Any]:
    """Each known storm, and a fresh one for each length of a turn; the fresh one of the usual length is for all loops.

    The shorter the turns, the more of them end in the middle of what there is to read and to send.
    """
    each_backend, repeats = pytest.mark.each_backend, pytest.mark.repeats
    for transport in TRANSPORTS:
        first = transport == TRANSPORTS[0]
        yield pytest.param(Weather(FRESH, USUAL_TURN, transport), marks=() if first else each_backend)
    kinds = [*((seed, USUAL_TURN) for seed in SEEDS), *((FRESH, limit) for limit in TURNS if limit != USUAL_TURN)]
    for number, (seed, limit) in enumerate(kinds):
        for transport in TRANSPORTS:
            said = transport == TRANSPORTS[number % 2]
            yield pytest.param(Weather(seed, limit, transport), marks=each_backend if said else (each_backend, repeats))


@pytest.fixture(params=weathers(), ids=str)
def weather(request: pytest.FixtureRequest) -> Weather:
    """What the storm is made of."""
    made: Weather = request.param
    return made


class Crew:
    """Tasks that do one kind of work each, without end; one that is cancelled is replaced.

    Args:
        loop: what they run on.
        dice: says what happens.
    """

    def __init__(self, loop: Harness, dice: random.Random) -> None:
        self._loop = loop
        self._dice = dice
        self._members: list[tuple[Callable[..., Awaitable[object]], tuple[Any, ...], Task]] = []
        self.cancelled = 0

    def add(self, work: Callable[..., Awaitable[object]], *args: Any) -> None:
        self._members.append((work, args, self._loop.spawn(work, *args)))

    def cancel_one(self) -> None:
        """Cancel one and start another in its place."""
        index = self._dice.randrange(len(self._members))
        work, args, task = self._members[index]
        if self._dice.random() < 0.5:
            task.cancel()
            self.cancelled += 1
            self._members[index] = (work, args, self._loop.spawn(work, *args))
        else:
            # The new one is there before the old one goes.
            self._members[index] = (work, args, self._loop.spawn(work, *args))
            task.cancel()
            self.cancelled += 1

    async def weather(self, turns: int) -> None:
        """Cancel at random for some turns of the loop."""
        for _ in range(turns):
            while self._dice.random() < 0.4:
                self.cancel_one()
            await self._loop.turn()

    async def dismiss(self) -> None:
        """Cancel all, and return when all have ended."""
        for _, _, task in self._members:
            task.cancel()
        for _, _, task in self._members:
            with suppress(TaskCancelled):
                await task.result()
        self._members.clear()


class Ledger:
    """What each sender is known to have sent, what may or may not have been, and what came."""

    def __init__(self) -> None:
        self._next: defaultdict[object, int] = defaultdict(int)
        self.sent: defaultdict[object, list[int]] = defaultdict(list)
        self.doubtful: defaultdict[object, set[int]] = defaultdict(set)
        self.got: defaultdict[object, list[int]] = defaultdict(list)

    def number(self, sender: object) -> int:
        """Return a number of its own for the sender's next message."""
        self._next[sender] += 1
        return self._next[sender]

    def check(self) -> None:
        """All that was sent came, once, in each sender's order, and nothing else."""
        assert set(self.got) <= set(self._next)
        for sender, sent in self.sent.items():
            got = self.got[sender]
            assert got == sorted(set(got)), f"of {sender} some came twice or out of order"
            missing = set(sent) - set(got)
            assert not missing, f"of {sender} were lost: {sorted(missing)}"
            more = set(got) - set(sent) - self.doubtful[sender]
            assert not more, f"of {sender} came though they were cancelled: {sorted(more)}"


async def send_somehow(
    dice: random.Random,
    loop: Harness,
    ledger: Ledger,
    sender: object,
    frames: Callable[[int], list[bytes]],
    connection: zmqbridge.Pusher | zmqbridge.Dealer,
) -> None:
    """Send without end, now with one call and now with another."""
    while True:
        how = dice.randrange(4)
        if how == 0:
            number = ledger.number(sender)
            with suppress(zmqbridge.WouldBlock):
                connection.send_nowait(frames(number))
                ledger.sent[sender].append(number)
            await loop.turn()
        elif how == 1:
            taken: list[int] = []

            def messages(taken: list[int] = taken, count: int = dice.randrange(5)) -> Iterator[list[bytes]]:
                for _ in range(count):
                    taken.append(ledger.number(sender))
                    yield frames(taken[-1])

            try:
                await connection.send_many(messages())
                ledger.sent[sender].extend(taken)
            except BaseException:
                # The last one that was taken may be unsent; those before it are sent.
                ledger.sent[sender].extend(taken[:-1])
                ledger.doubtful[sender].update(taken[-1:])
                raise
        else:
            number = ledger.number(sender)
            await connection.send(frames(number))
            ledger.sent[sender].append(number)


async def receive_somehow(
    dice: random.Random, loop: Harness, note: Callable[[Any], None], connection: zmqbridge.Receiver[Any]
) -> None:
    """Receive without end, now with one call and now with another."""
    while True:
        how = dice.randrange(5)
        if how == 0:
            with suppress(zmqbridge.WouldBlock):
                note(connection.receive_nowait())
            await loop.turn()
        elif how == 1:
            for item in await connection.receive_many(1 + dice.randrange(5)):
                note(item)
        elif how == 2:
            async for item in connection:
                note(item)
                if dice.random() < 0.5:
                    break
        else:
            note(await connection.receive())


def small(dice: random.Random) -> SocketOptions:
    """Return small high-water marks."""
    return SocketOptions(
        send_high_water_mark=dice.randrange(1, 4), receive_high_water_mark=dice.randrange(1, 4), linger=2
    )


LAST = 2**31


async def storm_of_messages(
    loop: Harness,
    dice: random.Random,
    address: Callable[[], str],
    turns: int,
    message_size: int = 1,
    **arguments: Any,
) -> int:
    """Pushers and a puller; return how many messages came."""
    ledger = Ledger()
    rest = bytes(message_size)
    last_ones = 0

    def note(frames: list[bytes]) -> None:
        nonlocal last_ones
        pusher, sender, number, end = frames
        assert end == rest
        if int(number) == LAST:
            last_ones += 1
        else:
            ledger.got[int(pusher), int(sender)].append(int(number))

    async with loop.context(**arguments) as context:
        puller = context.puller(bind=address(), options=small(dice))
        pushers = [context.pusher(connect=puller.endpoints[0].address, options=small(dice)) for _ in range(2)]
        senders, receivers = Crew(loop, dice), Crew(loop, dice)
        for _ in range(dice.randrange(1, 5)):
            receivers.add(receive_somehow, dice, loop, note, puller)

        def frames_of(pusher: int, sender: int) -> Callable[[int], list[bytes]]:
            return lambda number: [b"%d" % pusher, b"%d" % sender, b"%d" % number, rest]

        # A sender has one task at a time, so that its messages have an order: the old one is gone before
        # the new one begins.
        for index, pusher in enumerate(pushers):
            for sender in range(dice.randrange(1, 5)):
                senders.add(_one_sender, dice, loop, ledger, (index, sender), frames_of(index, sender), pusher)
        await loop.until(lambda: ledger.got)
        for _ in range(4):
            await senders.weather(turns // 8)
            await receivers.weather(turns // 8)
        await senders.dismiss()
        await receivers.weather(turns // 8)
        await receivers.dismiss()
        receivers.add(receive_somehow, dice, loop, note, puller)
        for index, pusher in enumerate(pushers):
            # Behind it nothing of this pusher can come.
            await pusher.send(frames_of(index, 0)(LAST))
        await loop.until(lambda: last_ones == len(pushers))
        await receivers.dismiss()
        with pytest.raises(zmqbridge.WouldBlock):
            puller.receive_nowait()
        ledger.check()
        assert [connection.stats.parked for connection in (puller, *pushers)] == [0, 0, 0]
        assert puller.stats.received == sum(map(len, ledger.got.values())) + len(pushers)
        return sum(map(len, ledger.got.values()))


_busy: set[tuple[int, object]] = set()


async def _one_sender(
    dice: random.Random,
    loop: Harness,
    ledger: Ledger,
    sender: object,
    frames: Callable[[int], list[bytes]],
    connection: zmqbridge.Pusher | zmqbridge.Dealer,
) -> None:
    key = (id(ledger), sender)
    await loop.until(lambda: key not in _busy)
    _busy.add(key)
    try:
        await send_somehow(dice, loop, ledger, sender, frames, connection)
    finally:
        _busy.discard(key)


async def storm_of_routes(
    loop: Harness, dice: random.Random, address: Callable[[], str], turns: int, **arguments: Any
) -> int:
    """A router and dealers, each to each; return how many messages came."""
    up, down = Ledger(), Ledger()
    last_ones: defaultdict[object, int] = defaultdict(int)

    def note_up(message: zmqbridge.RoutedMessage) -> None:
        sender, number = message.frames
        if int(number) == LAST:
            last_ones[message.peer] += 1
        else:
            up.got[message.peer, int(sender)].append(int(number))

    async with loop.context(**arguments) as context:
        router = context.router(bind=address(), options=small(dice))
        names = [b"dealer %d" % number for number in range(3)]
        dealers = {}
        for name in names:
            options = SocketOptions(
                identity=name,
                send_high_water_mark=dice.randrange(1, 4),
                receive_high_water_mark=dice.randrange(1, 4),
                linger=2,
            )
            dealers[name] = context.dealer(connect=router.endpoints[0].address, options=options)
            await dealers[name].send([b"0", b"%d" % LAST])
        for _ in names:
            note_up(await router.receive())
        assert dict(last_ones) == dict.fromkeys(names, 1)
        senders, receivers = Crew(loop, dice), Crew(loop, dice)

        def note_down(name: bytes) -> Callable[[list[bytes]], None]:
            def note(frames: list[bytes]) -> None:
                sender, number = frames
                if int(number) == LAST:
                    last_ones[name, "down"] += 1
                else:
                    down.got[name, int(sender)].append(int(number))

            return note

        async def send_down(name: bytes, sender: int) -> None:
            key = (id(down), (name, sender))
            await loop.until(lambda: key not in _busy)
            _busy.add(key)
            try:
                while True:
                    number = down.number((name, sender))
                    frames = [b"%d" % sender, b"%d" % number]
                    if dice.random() < 0.3:
                        with suppress(zmqbridge.WouldBlock):
                            router.send_nowait(name, frames)
                            down.sent[name, sender].append(number)
                        await loop.turn()
                    else:
                        await router.send(name, frames)
                        down.sent[name, sender].append(number)
            finally:
                _busy.discard(key)

        def frames_up(sender: int) -> Callable[[int], list[bytes]]:
            return lambda number: [b"%d" % sender, b"%d" % number]

        for _ in range(dice.randrange(1, 4)):
            receivers.add(receive_somehow, dice, loop, note_up, router)
        for name, dealer in dealers.items():
            for _ in range(dice.randrange(1, 3)):
                receivers.add(receive_somehow, dice, loop, note_down(name), dealer)
            for sender in range(dice.randrange(1, 3)):
                senders.add(_one_sender, dice, loop, up, (name, sender), frames_up(sender), dealer)
                senders.add(send_down, name, sender)
        await loop.until(lambda: up.got and down.got)
        for _ in range(4):
            await senders.weather(turns // 8)
            await receivers.weather(turns // 8)
        await senders.dismiss()
        for name, dealer in dealers.items():
            await dealer.send([b"0", b"%d" % LAST])
            await router.send(name, [b"0", b"%d" % LAST])
        await loop.until(lambda: sum(last_ones.values()) == 3 * len(names))
        await receivers.dismiss()
        connections: list[zmqbridge.Receiver[Any]] = [router, *dealers.values()]
        for connection in connections:
            with pytest.raises(zmqbridge.WouldBlock):
                connection.receive_nowait()
            assert connection.stats.parked == 0
        up.check()
        down.check()
        return sum(map(len, (*up.got.values(), *down.got.values())))


async def storm_of_requests(
    loop: Harness, dice: random.Random, address: Callable[[], str], turns: int, **arguments: Any
) -> tuple[int, int]:
    """Requesters and a replier; return how many requests were answered, and how many given up."""
    answered = given_up = 0
    wrong: list[tuple[bytes, list[bytes]]] = []
    open_requests: deque[zmqbridge.Request] = deque()
    asked = held = 0

    async with loop.context(**arguments) as context:
        replier = context.replier(bind=address(), options=small(dice), reply_timeout=1000)
        requesters = [context.requester(connect=replier.endpoints[0].address, options=small(dice)) for _ in range(2)]

        async def ask(requester: zmqbridge.Requester) -> None:
            nonlocal answered, given_up, asked
            while True:
                asked += 1
                question = b"%d" % asked
                timeout = dice.choice([None, None, 1000, 0.001])
                done = False
                try:
                    reply = await requester.request(question, timeout=timeout)
                    done = True
                    if reply != [question, question[::-1]]:
                        wrong.append((question, reply))
                    answered += 1
                except zmqbridge.RequestTimeout:
                    assert timeout == 0.001
                finally:
                    given_up += not done

        def note(request: zmqbridge.Request) -> None:
            nonlocal held
            if request.parts == [b"unanswered"]:
                held += 1
            else:
                open_requests.append(request)

        async def answer() -> None:
            while True:
                if not open_requests:
                    await loop.turn()
                    continue
                # Now the oldest, now the newest: replies need not come in order.
                request = open_requests.popleft() if dice.random() < 0.5 else open_requests.pop()
                try:
                    await request.reply([request.parts[0], request.parts[0][::-1]])
                finally:
                    if not request.replied:
                        open_requests.append(request)

        async def receive() -> None:
            # Where all who receive wait for room for a reply, and all who ask for room to ask, nobody reads.
            while True:
                note(await replier.receive())

        askers, answerers = Crew(loop, dice), Crew(loop, dice)
        for _ in range(2):
            answerers.add(receive)
        for _ in range(dice.randrange(1, 4)):
            answerers.add(answer)
        for requester in requesters:
            for _ in range(dice.randrange(1, 15)):
                askers.add(ask, requester)
        await loop.until(lambda: answered)
        for _ in range(4):
            await askers.weather(turns // 8)
            await answerers.weather(turns // 8)
        await askers.dismiss()
        assert not wrong

        async def hold(requester: zmqbridge.Requester) -> None:
            # It is behind all requests of its connection, and reads their replies as long as it waits.
            await requester.request(b"unanswered")

        for requester in requesters:
            askers.add(hold, requester)

        def settled() -> bool:
            # Whatever was given up and answered all the same comes in vain, and is counted as such.
            came = sum(requester.stats.received + requester.stats.unmatched_replies for requester in requesters)
            return held == len(requesters) and came == replier.stats.sent == replier.stats.received - held

        await loop.until(settled)
        assert not open_requests
        assert sum(requester.stats.sent for requester in requesters) == replier.stats.received
        await askers.dismiss()
        await answerers.dismiss()
        assert replier.stats.dropped_replies == 0
        assert sum(requester.stats.received for requester in requesters) >= answered
        assert [connection.stats.parked for connection in (replier, *requesters)] == [0, 0, 0]
        assert [connection.stats.malformed for connection in (replier, *requesters)] == [0, 0, 0]
        return answered, given_up


async def test_messages(loop: Harness, addresses: Addresses, weather: Weather) -> None:
    """What many tasks pushed through small queues, cancelled at random, comes once, in each sender's order."""
    await storm_of_messages(
        loop, weather.dice(), lambda: addresses.new(weather.transport), TURNS_OF_A_STORM, **weather.context
    )


async def test_routes(loop: Harness, addresses: Addresses, weather: Weather) -> None:
    """Between a router and its dealers all comes in both directions, though tasks on both sides are cancelled."""
    await storm_of_routes(
        loop, weather.dice(), lambda: addresses.new(weather.transport), TURNS_OF_A_STORM, **weather.context
    )


async def test_requests(loop: Harness, addresses: Addresses, weather: Weather) -> None:
    """Every request has its own reply or is given up, though those who ask and who answer are cancelled at random."""
    answered, _ = await storm_of_requests(
        loop, weather.dice(), lambda: addresses.new(weather.transport), TURNS_OF_A_STORM, **weather.context
    )
    assert answered
