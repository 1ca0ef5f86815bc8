"""A plain peer of a handler's connection that is killed, and the one that takes its place."""

from __future__ import annotations

import os
import signal

from tests.conftest import Addresses
from tests.interop.lasting import lasting_address
from tests.interop.processes import TCP, Peer, Spares
from tests.interop.steps import has_room, join, wait_for_room

BLOCK = bytes(1 << 15)


def numbers(count: int) -> list[list[bytes]]:
    return [[b"%d" % number] for number in range(count)]


def test_pusher(libraries: dict[str, Peer], spares: Spares) -> None:
    """A killed puller takes with it what was on its way to it alone; what waits after that is its heir's."""
    with libraries["zmqbridge_twisted"].open(None, "PUSH", bind=TCP) as push, spares.two() as (victim, heir):
        (address,) = push.wait_for_addresses()
        with victim.open(None, "PULL", connect=address) as pull:
            wait_for_room(push)
            pull.do("listen")
            push.do("many", b"100")
            assert pull.wait_for_messages(100) == numbers(100)
            os.kill(victim.process.pid, signal.SIGSTOP)
            push.do("send", b"on its way")
            assert has_room(push)
            victim.kill()
        while has_room(push):
            pass
        for number in range(100):
            push.do("later", b"%d" % number)
        with heir.open(None, "PULL", connect=address) as pull:
            pull.do("listen")
            assert pull.wait_for_messages(100) == numbers(100)
            push.do("send", b"last")
            assert pull.wait_for_message() == [b"last"]


def test_puller(libraries: dict[str, Peer], addresses: Addresses, spares: Spares) -> None:
    """Of a killed pusher's messages each is pulled whole and once, or is lost, and then those of its heir are."""

    def message(number: int) -> list[bytes]:
        return [b"%d" % number, BLOCK, b"%d" % number]

    with (
        lasting_address(addresses, "tcp") as address,
        libraries["zmqbridge_twisted"].open(None, "PULL", connect=address) as pull,
        spares.two() as (victim, heir),
    ):
        with victim.open(None, "PUSH", bind=address) as push:
            for number in range(20):
                push.do("send", *message(number))
            pull.wait_until(lambda: len(pull.messages) >= 5)
            victim.kill()
        with heir.open(None, "PUSH", bind=address) as push:
            push.do("send", b"of the heir")
            pull.wait_until(lambda: pull.messages[-1] == [b"of the heir"])
        assert pull.messages[:-1] == [message(number) for number in range(len(pull.messages) - 1)]


def test_publisher(libraries: dict[str, Peer], spares: Spares) -> None:
    """A subscriber that is killed disturbs neither its publisher nor the other subscriber, which misses nothing."""
    with libraries["zmqbridge_twisted"].open(None, "PUB", bind=TCP) as pub, spares.two() as (victim, heir):
        (address,) = pub.wait_for_addresses()
        with (
            victim.open(None, "SUB", connect=address, SUBSCRIBE=b"") as dying,
            heir.open(None, "SUB", connect=address, SUBSCRIBE=b"") as other,
        ):
            for sub in (dying, other):
                sub.do("listen")
                join(pub, sub, b"tag", look=False)
            published = [b"%d" % number for number in range(300)]
            for number in published[:100]:
                pub.do("send", b"tag", number)
            dying.wait_until(lambda: dying.messages[-1] == [b"tag\0" + published[99]])
            victim.kill()
            for number in published[100:]:
                pub.do("send", b"tag", number)
            other.wait_until(lambda: other.messages[-1] == [b"tag\0" + published[-1]])
            assert other.messages[-300:] == [[b"tag\0" + number] for number in published]


def test_subscriber(libraries: dict[str, Peer], addresses: Addresses, spares: Spares) -> None:
    """A publisher that comes back after it was killed learns the subscriptions anew."""
    with (
        lasting_address(addresses, "tcp") as address,
        libraries["zmqbridge_twisted"].open(None, "SUB", connect=address) as sub,
        spares.two() as (victim, heir),
    ):
        sub.do("subscribe", b"weather.")
        for peer in (victim, heir):
            with peer.open(None, "PUB", bind=address) as pub:
                pub.wait_for_addresses()
                join(pub, sub, b"weather.", look=False)
                pub.do("send", b"sports", b"2:1")
                pub.do("send", b"weather.london", b"12 C")
                assert sub.wait_for_message() == [b"weather.london", b"12 C"]
                if peer is victim:
                    victim.kill()
