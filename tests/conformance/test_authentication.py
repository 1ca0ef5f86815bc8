"""Who comes in: each attack, and what becomes of it. Whatever goes wrong, nobody comes in who should not."""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness, TaskCancelled
from tests.conformance.knocking import CUT, IN, MISMATCH, REFUSED, Knocker
from tests.conftest import Addresses
from zmqbridge import Handshake, KeyPair, SocketOptions

SERVER, ADA, BOB = KeyPair.generate(), KeyPair.generate(), KeyPair.generate()
LOCAL = "tcp://127.0.0.1:*"
CURVE = SocketOptions.curve_as_server(SERVER, domain="lab")
PLAIN = SocketOptions.plain_as_server(domain="lab")
# Whom it tells to try again, libzmq keeps until the time of the handshake is over.
SOON = CURVE | SocketOptions(handshake_interval=0.5)
OPEN = SocketOptions(zap_domain="lab", zap_enforce_domain=True)

waits = pytest.mark.looks_at("waiting", "cancelling")


def server(context: zmqbridge.Context, options: SocketOptions) -> tuple[zmqbridge.Dealer, str]:
    dealer = context.dealer(bind=LOCAL, options=options)
    return dealer, dealer.endpoints[0].address


def ada(address: str, **more: Any) -> Knocker:
    return Knocker.with_keys(address, ADA, SERVER.public, **more)


def bob(address: str, **more: Any) -> Knocker:
    return Knocker.with_keys(address, BOB, SERVER.public, **more)


async def test_known_keys(loop: Harness) -> None:
    """A key of the set comes in and its messages flow; another is refused for good, and counted."""
    async with loop.context() as context, context.authenticator("lab", keys={ADA.public}) as authenticator:
        dealer, address = server(context, CURVE)
        with ada(address) as known, bob(address) as stranger:
            stranger.socket.send(b"let me in")
            await loop.until(lambda: stranger.hears(REFUSED, IN))
            known.socket.send(b"hello")
            assert await dealer.receive() == [b"hello"]
            assert stranger.told == [REFUSED]
            assert known.hears(IN)
        assert (authenticator.stats.accepted, authenticator.stats.refused) == (1, 1)
        with pytest.raises(zmqbridge.WouldBlock):
            dealer.receive_nowait()


MISMATCHES: dict[str, tuple[SocketOptions, Callable[[str], Knocker]]] = {
    "no key on a CURVE port": (CURVE, Knocker),
    "a password on a CURVE port": (CURVE, lambda a: Knocker(a, PLAIN_USERNAME=b"ada", PLAIN_PASSWORD=b"secret")),
    "a key on a PLAIN port": (PLAIN, ada),
    "nothing on a PLAIN port": (PLAIN, Knocker),
    "a key on an open port": (OPEN, ada),
    "a password on an open port": (OPEN, lambda a: Knocker(a, PLAIN_USERNAME=b"ada", PLAIN_PASSWORD=b"secret")),
    "another server's key": (CURVE, lambda a: Knocker.with_keys(a, ADA, BOB.public)),
}


@pytest.mark.any_loop
@pytest.mark.parametrize(("options", "knocker"), MISMATCHES.values(), ids=MISMATCHES)
async def test_mismatches(loop: Harness, options: SocketOptions, knocker: Callable[[str], Knocker]) -> None:
    """Who speaks another mechanism, or means another server, does not come in, and sends nothing in the clear."""

    def authorize(handshake: Handshake) -> bool:
        return True

    async with loop.context() as context, context.authenticator("lab", authorize=authorize) as authenticator:
        dealer, address = server(context, options)
        with knocker(address) as stranger:
            with suppress(zmq.Again):  # it may have been cut off already
                stranger.socket.send(b"in the clear", zmq.NOBLOCK)
            await loop.until(lambda: stranger.hears(MISMATCH, CUT, IN))
            assert IN not in stranger.told
        assert authenticator.stats.accepted == 0
        with pytest.raises(zmqbridge.WouldBlock):
            dealer.receive_nowait()


async def test_passwords(loop: Harness) -> None:
    """A user comes in with the right password alone."""
    async with loop.context() as context, context.authenticator("lab", passwords={"ada": "right"}) as authenticator:
        _, address = server(context, PLAIN)
        with ExitStack() as stack:
            for user, password, outcome in (
                (b"ada", b"right", IN),
                (b"ada", b"wrong", REFUSED),
                (b"bob", b"right", REFUSED),
                (b"\xff", b"right", REFUSED),
            ):
                client = stack.enter_context(Knocker(address, PLAIN_USERNAME=user, PLAIN_PASSWORD=password))
                await loop.until(partial(client.hears, IN, REFUSED, CUT))
                assert client.told[0] == outcome, (user, password)
        assert authenticator.stats.accepted == 1


@pytest.mark.any_loop
@pytest.mark.parametrize(
    ("networks", "outcome"),
    [(["127.0.0.0/8"], IN), ("127.0.0.1", IN), (["10.0.0.0/8", "::1"], REFUSED), ([], REFUSED)],
    ids=["of mine", "as text", "others", "none"],
)
async def test_networks(loop: Harness, networks: Any, outcome: str) -> None:
    """Peers come in from the given networks alone."""
    async with loop.context() as context, context.authenticator("lab", networks=networks):
        _, address = server(context, OPEN)
        with Knocker(address) as client:
            await loop.until(lambda: client.hears(IN, REFUSED))
            assert client.told == [outcome]


POLICIES: dict[str, tuple[dict[str, Any], SocketOptions, Callable[[str], Knocker]]] = {
    "passwords say nothing of keys": ({"passwords": {"ada": "x"}}, CURVE, ada),
    "networks say nothing of keys": ({"networks": "127.0.0.1"}, CURVE, ada),
    "keys say nothing of passwords": (
        {"keys": {ADA.public}},
        PLAIN,
        lambda a: Knocker(a, PLAIN_USERNAME=b"ada", PLAIN_PASSWORD=b"x"),
    ),
    "keys say nothing of who shows none": ({"keys": {ADA.public}, "networks": "127.0.0.1"}, OPEN, Knocker),
    "nor does a function of keys": ({"keys": lambda key: True, "networks": "127.0.0.1"}, OPEN, Knocker),
    "all that is given must hold": ({"keys": {ADA.public}, "networks": "10.0.0.0/8"}, CURVE, ada),
    "authorize does not overrule keys": ({"keys": {ADA.public}, "authorize": lambda handshake: True}, CURVE, bob),
    "no keys": ({"keys": set()}, CURVE, ada),
}


@pytest.mark.any_loop
@pytest.mark.parametrize(("policies", "options", "knocker"), POLICIES.values(), ids=POLICIES)
async def test_what_is_not_said_is_a_no(
    loop: Harness, policies: dict[str, Any], options: SocketOptions, knocker: Callable[[str], Knocker]
) -> None:
    """What no policy says yes to is refused, and one yes does not stand for another."""
    async with loop.context() as context, context.authenticator("lab", **policies):
        _, address = server(context, options)
        with knocker(address) as stranger:
            await loop.until(lambda: stranger.hears(IN, REFUSED))
            assert stranger.told == [REFUSED]


async def test_no_authenticator(loop: Harness) -> None:
    """Before an authenticator is opened nobody comes in, nor after it was closed; in between the same client does."""
    async with loop.context() as context:
        dealer, address = server(context, CURVE)
        with ada(address) as client:
            await loop.until(lambda: client.hears(CUT, IN))
            assert IN not in client.told
            async with context.authenticator("lab", keys={ADA.public}):
                await loop.until(lambda: client.hears(IN))
                with ada(address) as second:
                    await loop.until(lambda: second.hears(IN))
            client.socket.send(b"still here")
            assert await dealer.receive() == [b"still here"]
            with ada(address) as third:
                await loop.until(lambda: third.hears(CUT, IN))
                assert IN not in third.told


async def test_another_domain(loop: Harness) -> None:
    """Each domain has its own policies; a domain without an authenticator lets nobody in, whoever else has one."""
    async with (
        loop.context() as context,
        context.authenticator("lab", keys={ADA.public}),
        context.authenticator("office", keys={BOB.public}) as office,
    ):
        _, lab_address = server(context, SOON)
        _, office_address = server(
            context, SocketOptions.curve_as_server(SERVER, domain="office") | SocketOptions(handshake_interval=0.5)
        )
        _, other_address = server(
            context, SocketOptions.curve_as_server(SERVER, domain="other") | SocketOptions(handshake_interval=0.5)
        )
        with ada(lab_address) as first, ada(office_address) as second, ada(other_address) as third:
            await loop.until(lambda: first.hears(IN, REFUSED) and second.hears(IN, REFUSED) and third.hears(IN, CUT))
            assert (first.told[-1], second.told[-1], third.told[0]) == (IN, REFUSED, CUT)
            assert IN not in second.told + third.told
        await office.aclose()
        with bob(office_address) as fourth, ada(lab_address) as fifth:
            await loop.until(lambda: fourth.hears(IN, CUT) and fifth.hears(IN))
            assert fourth.told[0] == CUT


@waits
async def test_a_coroutine_decides(loop: Harness) -> None:
    """A coroutine gets what the peer showed, and its answer counts."""
    seen: list[Handshake] = []

    async def authorize(handshake: Handshake) -> str | None:
        await loop.turn()
        seen.append(handshake)
        return "ada" if handshake.public_key == ADA.public else None

    async with loop.context() as context, context.authenticator("lab", authorize=authorize):
        _, address = server(context, CURVE | SocketOptions(identity=b"door"))
        with ada(address, ROUTING_ID=b"me") as known, bob(address) as stranger:
            await loop.until(lambda: known.hears(IN, REFUSED) and stranger.hears(IN, REFUSED))
            assert (known.told, stranger.told) == ([IN], [REFUSED])
    mine = next(each for each in seen if each.public_key == ADA.public)
    assert (mine.mechanism, mine.domain, mine.address, mine.identity) == ("CURVE", "lab", "127.0.0.1", b"door")


@waits
async def test_functions_of_keys_and_passwords(loop: Harness) -> None:
    """Keys and passwords may be functions, coroutines or not, and authorize has the last word."""

    async def keys(key: str) -> bool:
        await loop.turn()
        return key == ADA.public

    def passwords(user: str, password: str) -> bool:
        return password == user[::-1]

    def authorize(handshake: Handshake) -> bool:
        return handshake.username != "eve"

    async with (
        loop.context() as context,
        context.authenticator("lab", keys=keys, passwords=passwords, authorize=authorize) as authenticator,
    ):
        _, curve = server(context, CURVE)
        _, plain = server(context, PLAIN)
        with (
            ada(curve) as first,
            bob(curve) as second,
            Knocker(plain, PLAIN_USERNAME=b"ab", PLAIN_PASSWORD=b"ba") as third,
            Knocker(plain, PLAIN_USERNAME=b"ab", PLAIN_PASSWORD=b"ab") as fourth,
            Knocker(plain, PLAIN_USERNAME=b"eve", PLAIN_PASSWORD=b"eve") as fifth,
        ):
            all_of_them = (first, second, third, fourth, fifth)
            await loop.until(lambda: all(each.hears(IN, REFUSED) for each in all_of_them))
            assert [each.told[0] for each in all_of_them] == [IN, REFUSED, IN, REFUSED, REFUSED]
        assert authenticator.stats.refused == 3


def _raise(handshake: Handshake) -> bool:
    raise RuntimeError("the database is gone")


async def _raise_later(handshake: Handshake) -> bool:
    raise RuntimeError("the database is gone")


BROKEN: dict[str, Any] = {
    "raises": _raise,
    "raises in a coroutine": _raise_later,
    "returns a number": lambda handshake: 1,
    "returns bytes": lambda handshake: b"ada",
    "returns an empty name": lambda handshake: "",
    "returns a long name": lambda handshake: "x" * 256,
    "returns half a character": lambda handshake: "\ud800",
    "takes nothing": lambda: True,
}


@pytest.mark.parametrize("authorize", BROKEN.values(), ids=BROKEN)
async def test_a_broken_authorize(loop: Harness, caplog: pytest.LogCaptureFixture, authorize: Any) -> None:
    """A function that raises, or returns what it may not, lets nobody in; it is counted and logged, and goes on."""
    async with loop.context() as context, context.authenticator("lab", authorize=authorize) as authenticator:
        _, address = server(context, SOON)
        with ada(address) as client, bob(address) as other:
            await loop.until(lambda: client.hears(CUT, IN, REFUSED) and other.hears(CUT, IN, REFUSED))
            assert (client.told[0], other.told[0]) == (CUT, CUT)
            await loop.until(lambda: authenticator.stats.failed >= 3)
        assert authenticator.stats.accepted == 0
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1


@waits
async def test_an_authorize_that_never_returns(loop: Harness) -> None:
    """What takes longer than the timeout is refused, and cancelled; its place is free for others."""
    asked: list[str] = []
    cancelled: list[str] = []

    async def authorize(handshake: Handshake) -> bool:
        key = handshake.public_key or ""
        asked.append(key)
        if key == ADA.public:
            return True
        try:
            await loop.sleep(3600)
        finally:
            cancelled.append(key)
        return True

    async with (
        loop.context() as context,
        context.authenticator("lab", authorize=authorize, timeout=0.05, concurrency=1) as authenticator,
    ):
        _, address = server(context, SOON)
        with bob(address, retries=False) as slow:
            await loop.until(lambda: slow.hears(CUT, IN, REFUSED))
            await loop.until(lambda: cancelled == [BOB.public])
            assert slow.told == [CUT]
            with ada(address) as quick:
                await loop.until(lambda: quick.hears(IN))
        assert authenticator.stats.timed_out >= 1


@waits
async def test_it_is_closed_while_it_asks(loop: Harness) -> None:
    """Those who are asked about when an authenticator is closed are refused, and what was asked is cancelled."""
    asking: list[str] = []
    ended: list[str] = []

    async def authorize(handshake: Handshake) -> bool:
        asking.append("begun")
        try:
            await loop.sleep(3600)
        finally:
            ended.append("ended")
        return True

    async with loop.context() as context:
        _, address = server(context, SOON)
        authenticator = context.authenticator("lab", authorize=authorize, concurrency=2)
        await authenticator.open()
        with ada(address) as first, bob(address) as second, ada(address) as third:
            await loop.until(lambda: len(asking) == 2 and authenticator.stats.pending == 3)
            await authenticator.aclose()
            assert ended == ["ended", "ended"]
            for client in (first, second, third):
                await loop.until(partial(client.hears, CUT, IN, REFUSED))
                assert client.told[0] == CUT
        assert authenticator.stats.accepted == 0
        assert authenticator.closed


@waits
async def test_its_block_is_cancelled(loop: Harness) -> None:
    """A task that is cancelled within an authenticator closes it, with what it asks, and nobody comes in any more."""
    asking: list[str] = []

    async def authorize(handshake: Handshake) -> bool:
        asking.append("begun")
        await loop.sleep(3600)
        return True

    async with loop.context() as context:
        _, address = server(context, SOON)
        authenticator = context.authenticator("lab", authorize=authorize)

        async def hold() -> None:
            async with authenticator:
                await loop.sleep(3600)

        holder = loop.spawn(hold)
        with ada(address) as client:
            await loop.until(lambda: asking)
            holder.cancel()
            with pytest.raises(TaskCancelled):
                await holder.result()
            await loop.until(lambda: client.hears(CUT, IN))
            assert client.told[0] == CUT


async def test_errors_pass_through_as_they_are(loop: Harness) -> None:
    """What is raised within the block comes out of it as it is."""
    async with loop.context() as context:
        with pytest.raises(zmqbridge.WouldBlock):
            async with context.authenticator("lab", authorize=lambda handshake: True):
                context.puller().receive_nowait()


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.repeats)])
@waits
async def test_many_at_once(loop: Harness, addresses: Addresses, count: int, transport: str) -> None:
    """All who knock at once come in, and never more are asked about at once than is allowed."""
    running = most = 0

    async def authorize(handshake: Handshake) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await loop.sleep(0.05)
        running -= 1
        return True

    async with (
        loop.context() as context,
        context.authenticator("lab", authorize=authorize, concurrency=64, timeout=20) as authenticator,
    ):
        # With a shorter backlog the system itself drops what comes at once over TCP, and tries again after seconds.
        options = CURVE | SocketOptions(backlog=1024)
        address = context.puller(bind=addresses.new(transport), options=options).endpoints[0].address
        with ada(address, kind=zmq.PUSH) as clients:
            for _ in range(count - 1):
                clients.socket.connect(address)
            await loop.until(lambda: clients.hears(IN) and authenticator.stats.accepted >= count)
        assert most <= 64
        assert authenticator.stats.failed == authenticator.stats.refused == 0


async def test_the_loop_is_blocked(loop: Harness) -> None:
    """While the loop does something else, a client that a static policy knows comes in, and another is refused."""
    async with loop.context() as context, context.authenticator("lab", keys={ADA.public}):
        _, address = server(context, CURVE)
        with ada(address) as client, bob(address) as stranger:
            while not (client.hears(IN) and stranger.hears(REFUSED)):  # nothing else of the loop runs meanwhile
                client.read(10)


async def test_the_loop_is_blocked_too_long(loop: Harness) -> None:
    """While the loop is blocked, those whom it is to be asked about are refused in time, and come in afterwards."""
    async with loop.context() as context, context.authenticator("lab", authorize=lambda h: True, timeout=0.05):
        _, address = server(context, SOON)
        with ada(address) as client:
            while not client.hears(CUT, IN):
                client.read(10)
            assert IN not in client.told
            await loop.until(lambda: client.hears(IN))


async def test_strangers_hold_up_nobody(loop: Harness) -> None:
    """While hundreds of strangers knock, those who are in get each of their answers."""
    async with loop.context() as context, context.authenticator("lab", keys={ADA.public}) as authenticator:
        replier = context.replier(bind=LOCAL, options=CURVE)
        address = replier.endpoints[0].address

        async def serve() -> None:
            async for request in replier:
                await request.reply(request.parts)

        loop.spawn(serve)
        async with loop.context() as other:
            client = other.requester(connect=address, options=SocketOptions.curve_as_client(ADA, SERVER.public))
            with bob(address, kind=zmq.ROUTER) as strangers:
                for number in range(300):
                    strangers.socket.connect(address)
                    if number % 3 == 0:
                        assert await client.request([b"%d" % number], timeout=20) == [b"%d" % number]
                await loop.until(lambda: authenticator.stats.refused >= 300)
        assert authenticator.stats.accepted == 1
        replier.close()


async def test_a_directory_that_changes(loop: Harness, tmp_path: Path) -> None:
    """A key that is put into the directory, or taken out of it, counts from the next handshake on."""
    async with loop.context() as context, context.authenticator("lab", keys=tmp_path):
        _, address = server(context, CURVE)

        async def told(knocker: Knocker) -> str:
            with knocker:
                await loop.until(lambda: knocker.hears(IN, REFUSED, CUT))
                return knocker.told[0]

        for _ in range(5):
            assert await told(ada(address)) == REFUSED
            ADA.save(tmp_path / "ada.key")
            assert await told(ada(address)) == IN
            assert await told(bob(address)) == REFUSED
            for name in ("ada.key", "ada.key_secret"):
                (tmp_path / name).unlink()
        (tmp_path / "wrong.key").write_text("nonsense")
        assert await told(ada(address)) == REFUSED


async def test_a_directory_that_is_missing(loop: Harness, tmp_path: Path) -> None:
    """While there is no directory nobody comes in, but may try again; once there is one, its keys do."""
    async with loop.context() as context, context.authenticator("lab", keys=tmp_path / "keys"):
        _, address = server(context, SOON)
        with ada(address) as client:
            await loop.until(lambda: client.hears(CUT, IN, REFUSED))
            assert client.told[0] == CUT
            (tmp_path / "keys").mkdir()
            ADA.save(tmp_path / "other.key")
            (tmp_path / "other.key").rename(tmp_path / "keys" / "ada.key")
            await loop.until(lambda: client.hears(IN, REFUSED))


async def test_another_handler_stands_there(loop: Harness) -> None:
    """A second authenticator of a domain, or another handler of the context, is an error that says so."""
    raw = zmq.Context()
    async with loop.context(zmq_context=raw) as context, context.authenticator("lab", authorize=lambda h: True):
        with pytest.raises(zmqbridge.ZmqBridgeError, match="'lab' has an authenticator already"):
            await context.authenticator("lab", keys={ADA.public}).open()
        async with loop.context(zmq_context=raw) as second:
            with pytest.raises(zmqbridge.ZmqBridgeError, match=r"inproc://zeromq\.zap\.01: another one"):
                await second.authenticator("office", keys={ADA.public}).open()
    async with loop.context(zmq_context=raw) as context, context.authenticator("lab", keys={ADA.public}) as third:
        with pytest.raises(zmqbridge.LocalProtocolError, match="opened before"):
            await third.open()
    raw.destroy(0)


async def test_a_malformed_answer(loop: Harness) -> None:
    """Where another handler answers nonsense, nobody comes in to a server that enforces its domain."""
    raw = zmq.Context()
    handler = raw.socket(zmq.ROUTER)
    handler.bind("inproc://zeromq.zap.01")
    async with loop.context(zmq_context=raw) as context:
        _, address = server(context, CURVE)
        with ada(address) as client:
            await loop.until(lambda: handler.poll(0))
            handler.send_multipart([*handler.recv_multipart()[:2], b"1.0", b"1", b"999", b"", b"ada", b""])
            await loop.until(lambda: client.hears(CUT, REFUSED, IN, MISMATCH))
            assert IN not in client.told
    handler.close(0)
    raw.destroy(0)


async def test_the_context_is_closed_first(loop: Harness) -> None:
    """An authenticator whose context was closed is closed, and closing it is no error; opening one is."""
    context = loop.context()
    async with context.authenticator("lab", authorize=lambda handshake: True) as authenticator:
        await context.aclose()
        assert authenticator.closed
    with pytest.raises(zmqbridge.ConnectionClosed):
        await context.authenticator("lab", keys=()).open()


async def test_no_log_shows_a_secret(loop: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever fails, the password that a peer showed stands in no log, also where the program's error has it."""
    caplog.set_level(logging.DEBUG)
    secret = 'hunter2\'s "and"\\more'

    def authorize(handshake: Handshake) -> bool:
        if handshake.username == "ada":
            raise ValueError(f"cannot look up {handshake.password} of {handshake!r}")
        if handshake.username == "kim":
            raise KeyError(handshake.password)
        return handshake.username == "bob"

    async with loop.context() as context, context.authenticator("lab", authorize=authorize):
        _, address = server(context, PLAIN | SocketOptions(handshake_interval=0.5))
        with ExitStack() as stack:
            for user in (b"ada", b"kim", b"bob", b"eve"):
                client = stack.enter_context(Knocker(address, PLAIN_USERNAME=user, PLAIN_PASSWORD=secret.encode()))
                await loop.until(partial(client.hears, IN, CUT, REFUSED))
    for record in caplog.records:
        assert "hunter2" not in record.getMessage() + repr(record.args) + repr(record.exc_info)
    assert "cannot look up" in caplog.text
    assert "KeyError" in caplog.text


class Wiretap:
    """Passes bytes between a client and a server, one connection, and keeps what the client sent.

    Args:
        address: of the server.
    """

    def __init__(self, address: str) -> None:
        self._server = ("127.0.0.1", int(address.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.recorded = bytearray()
        self._thread = threading.Thread(target=self._pass, daemon=True)
        self._thread.start()

    def _pass(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection(self._server) as server:
            while True:
                for end in select.select([client, server], [], [])[0]:
                    octets = end.recv(65_536)
                    if not octets:
                        return
                    if end is client:
                        self.recorded += octets
                        server.sendall(octets)
                    else:
                        client.sendall(octets)

    def close(self) -> None:
        self._thread.join()
        self._listener.close()


async def test_a_replayed_handshake(loop: Harness) -> None:
    """Whoever sends again what a client has sent does not come in, and no message arrives twice."""
    async with loop.context() as context, context.authenticator("lab", keys={ADA.public}) as authenticator:
        dealer, address = server(context, CURVE)
        tap = Wiretap(address)
        with ada(tap.address, retries=False) as client:
            client.socket.send(b"pay once")
            assert await dealer.receive() == [b"pay once"]
        tap.close()
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as stranger:
            stranger.setblocking(False)
            stranger.send(tap.recorded)

            def hung_up() -> bool:
                try:
                    return not stranger.recv(65_536)
                except BlockingIOError:
                    return False
                except ConnectionResetError:
                    return True

            await loop.until(hung_up)
        assert authenticator.stats.accepted == 1
        with pytest.raises(zmqbridge.WouldBlock):
            dealer.receive_nowait()
