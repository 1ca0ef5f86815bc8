"""Operations that wait, and for each the proof that it had no effect when it was given up.

The files of this package give them up in each loop's own ways.
"""

from __future__ import annotations

import select
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

import zmqbridge
from tests.conftest import Addresses
from zmqbridge import SocketOptions

SOON = SocketOptions(reconnect_interval=0.002)
SMALL = SocketOptions(send_high_water_mark=1, receive_high_water_mark=1)


class Stage(Protocol):
    """One case on one loop.

    Attributes:
        addresses: fresh addresses.
        context: a context on the loop, with no linger.
    """

    addresses: Addresses
    context: zmqbridge.Context

    def new_context(self, **arguments: Any) -> zmqbridge.Context:
        """Return another context on the loop."""
        ...

    async def together(self, *functions: Callable[[], Awaitable[object]]) -> None:
        """Run functions at the same time and return when all have returned."""
        ...


@dataclass
class Waiting:
    """One operation that waits.

    Attributes:
        operation: begins it.
        is_parked: whether it waits.
        let_go_on: makes happen what it waits for.
        result: what it returns then.
        check_given_up: call it when the operation was given up; it fails if the operation had an effect, or if
            the next one does not go through.
        close: closes what it waits on.
    """

    operation: Callable[[], Awaitable[Any]]
    is_parked: Callable[[], bool]
    let_go_on: Callable[[], Awaitable[Any]]
    result: object
    check_given_up: Callable[[], Awaitable[None]]
    close: Callable[[], None]


def _on(
    connection: zmqbridge.Connection,
    operation: Callable[[], Awaitable[Any]],
    let_go_on: Callable[[], Awaitable[Any]],
    result: object,
    check_given_up: Callable[[], Awaitable[None]],
) -> Waiting:
    async def check() -> None:
        assert connection.stats.parked == 0
        await check_given_up()

    return Waiting(operation, lambda: connection.stats.parked == 1, let_go_on, result, check, connection.close)


def _receiving(
    stage: Stage, how: Callable[[zmqbridge.Puller], Callable[[], Awaitable[Any]]], result: object
) -> Waiting:
    puller = stage.context.puller(bind=stage.addresses.new("inproc"))
    pusher = stage.context.pusher(connect=puller.endpoints[0].address)

    async def check() -> None:
        await pusher.send(b"kept")
        assert await puller.receive() == [b"kept"]

    return _on(puller, how(puller), lambda: pusher.send(b"came"), result, check)


async def receive(stage: Stage) -> Waiting:
    return _receiving(stage, lambda puller: puller.receive, [b"came"])


async def receive_many(stage: Stage) -> Waiting:
    return _receiving(stage, lambda puller: puller.receive_many, [[b"came"]])


async def iterate(stage: Stage) -> Waiting:
    def how(puller: zmqbridge.Puller) -> Callable[[], Awaitable[Any]]:
        async def iterate() -> list[bytes]:
            async for frames in puller:
                return frames
            raise zmqbridge.ConnectionClosed("the iteration ended")

        return iterate

    return _receiving(stage, how, [b"came"])


def _sending(stage: Stage, how: Callable[[zmqbridge.Pusher], Callable[[], Awaitable[Any]]]) -> Waiting:
    pusher = stage.context.pusher(bind=stage.addresses.new("inproc"), options=SMALL)
    puller = stage.context.puller(connect=pusher.endpoints[0].address, options=SMALL)
    filled = 0
    try:
        while True:
            pusher.send_nowait(b"%d" % filled)
            filled += 1
    except zmqbridge.WouldBlock:
        pass

    async def empty() -> None:
        for number in range(filled):
            assert await puller.receive() == [b"%d" % number]

    async def check() -> None:
        await empty()
        await pusher.send(b"after")
        assert await puller.receive() == [b"after"]

    return _on(pusher, how(pusher), empty, None, check)


async def send(stage: Stage) -> Waiting:
    return _sending(stage, lambda pusher: lambda: pusher.send([b"given", b"up"]))


async def send_many(stage: Stage) -> Waiting:
    return _sending(stage, lambda pusher: lambda: pusher.send_many([b"given up"]))


async def send_to_a_peer(stage: Stage) -> Waiting:
    router = stage.context.router(bind=stage.addresses.new("inproc"), options=SMALL)
    dealer = stage.context.dealer(connect=router.endpoints[0].address, options=SMALL)
    await dealer.send(b"hello")
    peer = (await router.receive()).peer
    filled = 0
    try:
        while True:
            router.send_nowait(peer, b"%d" % filled)
            filled += 1
    except zmqbridge.WouldBlock:
        pass

    async def empty() -> None:
        for number in range(filled):
            assert await dealer.receive() == [b"%d" % number]

    async def check() -> None:
        await empty()
        await router.send(peer, b"after")
        assert await dealer.receive() == [b"after"]

    return _on(router, lambda: router.send(peer, b"given up"), empty, None, check)


def _requesting(stage: Stage, requester: zmqbridge.Requester, address: str, timeout: float | None = None) -> Waiting:
    repliers: list[zmqbridge.Replier] = []

    def replier() -> zmqbridge.Replier:
        if not repliers:
            repliers.append(stage.context.replier(bind=address))
        return repliers[0]

    async def answer() -> None:
        request = await replier().receive()
        await request.reply(b"came")

    async def ask_again() -> None:
        assert await requester.request(b"again") == [b"answer to again"]

    async def answer_all() -> None:
        while True:
            request = await replier().receive()
            await request.reply(b"answer to " + request.parts[0])
            if request.parts == [b"again"]:
                return

    async def check() -> None:
        await stage.together(ask_again, answer_all)

    if requester.endpoints[0].address.startswith("inproc:"):
        replier()
    return _on(requester, lambda: requester.request(b"?", timeout=timeout), answer, [b"came"], check)


async def request(stage: Stage) -> Waiting:
    address = stage.addresses.new("inproc")
    return _requesting(stage, stage.context.requester(connect=address), address)


async def request_with_a_timeout(stage: Stage) -> Waiting:
    address = stage.addresses.new("inproc")
    return _requesting(stage, stage.context.requester(connect=address), address, timeout=1000)


async def request_to_nobody(stage: Stage) -> Waiting:
    address = stage.addresses.new("ipc")
    return _requesting(stage, stage.context.requester(connect=address, options=SOON), address)


async def leave_the_context(stage: Stage) -> Waiting:
    address = stage.addresses.new("ipc")
    context = stage.new_context(linger=1000)
    pusher = context.pusher(connect=address, options=SOON)
    await pusher.send(b"unsent")

    async def take() -> None:
        assert await stage.context.puller(bind=address).receive() == [b"unsent"]

    async def check() -> None:
        assert context.closed
        await take()

    return Waiting(context.aclose, lambda: pusher.closed, take, None, check, context.close)


Make = Callable[[Stage], Awaitable[Waiting]]

ON_A_CONNECTION: dict[str, Make] = {
    make.__name__: make
    for make in (
        receive,
        receive_many,
        iterate,
        send,
        send_many,
        send_to_a_peer,
        request,
        request_with_a_timeout,
        request_to_nobody,
    )
}
"""What ends with ``ConnectionClosed`` when its connection closes."""

WAITING: dict[str, Make] = ON_A_CONNECTION | {leave_the_context.__name__: leave_the_context}


# --- a timeout, and what is waited for, in one turn of the loop ---

SECONDS = 0.002
ROUNDS = 20
GIVEN_UP = "given up"


@dataclass
class Due:
    """One operation that waits, and what it waits for, which comes while the loop is blocked.

    Attributes:
        connection: what it waits on.
        operation: begins it.
        come: makes it come without the loop.
        check: call it with what the operation returned, or with :data:`GIVEN_UP`; it fails if something was lost,
            or came twice.
    """

    connection: zmqbridge.Connection
    operation: Callable[[], Awaitable[Any]]
    come: Callable[[], object]
    check: Callable[[object], Awaitable[None]]


def _readable(connection: zmqbridge.Connection) -> None:
    """Block until libzmq's own threads have told a connection of something."""
    assert select.select([connection.fileno()], [], [], 10)[0]


async def receive_due(stage: Stage, transport: str) -> Callable[[], Due]:
    puller = stage.context.puller(bind=stage.addresses.new(transport))
    pusher = stage.context.pusher(connect=puller.endpoints[0].address)
    await pusher.send(b"connected")
    assert await puller.receive() == [b"connected"]
    sent = 0

    def due() -> Due:
        nonlocal sent
        sent += 1
        message = b"%d" % sent

        def come() -> None:
            pusher.send_nowait(message)
            _readable(puller)

        async def check(outcome: object) -> None:
            assert (puller.receive_nowait() if outcome == GIVEN_UP else outcome) == [message]
            with pytest.raises(zmqbridge.WouldBlock):
                puller.receive_nowait()

        return Due(puller, puller.receive, come, check)

    return due


def _send_due(stage: Stage, transport: str, to_send: list[list[bytes]]) -> Callable[[], Due]:
    def due() -> Due:
        pusher = stage.context.pusher(bind=stage.addresses.new(transport), options=SMALL)
        pullers: list[zmqbridge.Puller] = []
        taken: list[list[bytes]] = []

        def messages() -> Iterator[list[bytes]]:
            for message in to_send:
                taken.append(message)
                yield message

        def come() -> None:
            pullers.append(stage.context.puller(connect=pusher.endpoints[0].address, options=SMALL))
            _readable(pusher)

        async def check(outcome: object) -> None:
            assert pusher.stats.parked == 0
            sent = pusher.stats.sent
            got: list[list[bytes]] = []

            async def receive() -> None:
                while [b"after"] not in got:
                    got.append(await pullers[0].receive())

            await stage.together(lambda: pusher.send(b"after"), receive)
            assert got == [*taken[:sent], [b"after"]]
            if outcome == GIVEN_UP:
                assert len(taken) - 1 <= sent < len(to_send)
            else:
                assert outcome is None
                assert sent == len(to_send)
            pusher.close()
            pullers[0].close()

        async def send() -> None:
            if len(to_send) == 1:
                await pusher.send(next(messages()))
            else:
                await pusher.send_many(messages())

        return Due(pusher, send, come, check)

    return due


async def send_due(stage: Stage, transport: str) -> Callable[[], Due]:
    return _send_due(stage, transport, [[b"only"]])


async def send_many_due(stage: Stage, transport: str) -> Callable[[], Due]:
    return _send_due(stage, transport, [[b"1"], [b"2"], [b"3"]])


MakeDue = Callable[[Stage, str], Awaitable[Callable[[], Due]]]

DUE: dict[str, MakeDue] = {"receive": receive_due, "send": send_due, "send_many": send_many_due}
"""What may come in the turn of the loop in which it is given up."""

Limited = Callable[[Callable[[], Awaitable[Any]], float], Awaitable[Any]]


async def in_one_turn(stage: Stage, make: MakeDue, transport: str, limited: Limited) -> None:
    """Have a timeout and what is waited for come due in one turn of the loop, again and again, and see what came of it.

    Args:
        limited: runs an operation under a timeout of so many seconds, and returns its result or :data:`GIVEN_UP`.
    """
    make_due = await make(stage, transport)
    checkpoint = stage.context._find_backend().checkpoint
    raced = 0
    while raced < ROUNDS:
        due = make_due()
        outcomes: list[object] = []
        in_time: list[bool] = []

        async def operate(due: Due = due, outcomes: list[object] = outcomes) -> None:
            outcomes.append(await limited(due.operation, SECONDS))

        async def block(due: Due = due, outcomes: list[object] = outcomes, in_time: list[bool] = in_time) -> None:
            while not due.connection.stats.parked and not outcomes:
                await checkpoint()
            for _ in range(3):
                await checkpoint()
            began = time.monotonic()
            due.come()
            in_time.append(not outcomes)
            while time.monotonic() < began + SECONDS:
                """The loop is blocked: that is the subject."""

        await stage.together(operate, block)
        raced += in_time == [True]  # on a busy machine the time may be up before anything came
        await due.check(outcomes[0])
