"""txZMQ itself and ``zmqbridge_twisted``, each in a process of its own, talk to each other in every pattern.

The test only tells the two processes what to do, and looks at what they report. Each case runs with either
library at either end. The cases about the order of events run with either end binding as well; once two ends are
connected, what they say to each other is the same, so the others do so only where nothing is to be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import permutations
from typing import Any

import pytest

from tests.conftest import Addresses
from tests.interop.lasting import lasting_address
from tests.interop.processes import LIBRARIES, TCP, Job, Peer
from tests.interop.steps import has_room, join, wait_for_room

DEALER = b"the dealer"
MANY = 10_000
BIG = bytes(range(256)) * 4096

PAIRS = list(permutations(LIBRARIES))


class Ends:
    """The two ends of a case: ``one`` has the sockets that a pattern begins with, ``other`` those that answer.

    Attributes:
        one: a process of one library.
        other: a process of the other library.
        binder: which of the two listens.
        connector: the other one.
    """

    def __init__(self, one: Peer, other: Peer, one_binds: bool) -> None:
        self.one = one
        self.other = other
        self.binder, self.connector = (one, other) if one_binds else (other, one)

    def kind(self, peer: Peer, kinds: tuple[str, str]) -> str:
        """Return which kind of socket the pattern has at this end."""
        return kinds[0] if peer is self.one else kinds[1]

    @contextmanager
    def open(self, one: str, other: str, identity: bytes | None = None) -> Iterator[tuple[Job, Job]]:
        """Open a socket at each end, the other one's with the identity, and connect the two."""
        options: dict[str, Any] = {} if identity is None else {"identity": identity}
        with ExitStack() as stack:

            def open_at(peer: Peer, **where: Any) -> Job:
                mine = options if peer is self.other else {}
                job = stack.enter_context(peer.open(None, self.kind(peer, (one, other)), **where, **mine))
                job.wait_for_addresses()
                return job

            binder = open_at(self.binder, bind=TCP)
            connector = open_at(self.connector, connect=binder.wait_for_addresses()[0])
            yield (binder, connector) if self.binder is self.one else (connector, binder)


def end_names(param: tuple[str, str, bool]) -> str:
    """Return a case's id."""
    one, other, one_binds = param
    return f"{one}-to-{other}-{'first' if one_binds else 'second'}-binds"


FIRST_BINDS, SECOND_BINDS = ([(*pair, one_binds) for pair in PAIRS] for one_binds in (True, False))

# For what is said once the two are connected.
connected = pytest.mark.parametrize(
    "ends",
    [*FIRST_BINDS, *(pytest.param(ends, marks=pytest.mark.repeats) for ends in SECOND_BINDS)],
    ids=end_names,
    indirect=True,
)


@pytest.fixture(params=FIRST_BINDS + SECOND_BINDS, ids=end_names)
def ends(request: pytest.FixtureRequest, libraries: dict[str, Peer]) -> Ends:
    """A process of each library, and which of them binds."""
    one, other, one_binds = request.param
    return Ends(libraries[one], libraries[other], one_binds)


# --- steps that the cases share ---


def wait_for_leave(kind: str, job: Job) -> None:
    """Return once a listening socket has noticed that its only peer is gone, if it is a kind that can tell."""
    if kind == "ROUTER":
        job.do("look", DEALER)
        while job.wait_for_message() == [b"room"]:
            job.do("look", DEALER)
    elif kind in ("PUSH", "REQ", "DEALER"):
        while has_room(job):
            pass


def ask(req: Job, *parts: bytes, seconds: bytes = b"20") -> bool:
    """Ask one question, and return whether it was answered in time."""
    req.do("ask", seconds, *parts)
    word, *answer = req.wait_for_message()
    if word == b"no reply":
        return False
    assert [word, *answer] == [b"reply", b"re:", *parts]
    return True


def hold(rep: Job) -> None:
    """Return once a REP keeps the requests to come."""
    rep.do("hold")
    while rep.wait_for_message() != [b"held"]:
        pass


def publish_some(pub: Job, sub: Job) -> None:
    """A subscriber hears a publisher."""
    sub.do("subscribe", b"")
    join(pub, sub, b"tag", look=False)
    messages = [[b"tag", b"%d" % number] for number in range(3)]
    for message in messages:
        pub.do("send", *message)
    assert sub.wait_for_messages(3) == messages


def push_some(push: Job, pull: Job) -> None:
    """A puller gets what is pushed."""
    join(push, pull)
    messages = [[b"%d" % number, b"x"] for number in range(3)]
    for message in messages:
        push.do("send", *message)
    assert pull.wait_for_messages(3) == messages


def ask_some(req: Job, rep: Job) -> None:
    """Questions are answered."""
    wait_for_room(req)
    answered = 0
    while answered < 3:  # in a row: one that a peer took with it when it went is lost
        answered = answered + 1 if ask(req, b"question", seconds=b"0.2") else 0
    # The reply may be read before what the other process reports of the question.
    rep.wait_until(lambda: rep.messages[-1:] == [[b"question"]])


def route_some(router: Job, dealer: Job) -> None:
    """A router hears a dealer, and answers it by its identity."""
    join(dealer, router)
    dealer.do("send", b"hello", b"router")
    assert router.wait_for_message() == [DEALER, b"hello", b"router"]
    router.do("send", DEALER, b"hello", b"dealer")
    assert dealer.wait_for_message() == [b"hello", b"dealer"]


PATTERNS: dict[tuple[str, str], Callable[[Job, Job], None]] = {
    ("PUB", "SUB"): publish_some,
    ("PUSH", "PULL"): push_some,
    ("REQ", "REP"): ask_some,
    ("ROUTER", "DEALER"): route_some,
}

patterns = pytest.mark.parametrize("kinds", PATTERNS, ids="-".join)


# --- publish and subscribe ---


@connected
def test_publications(ends: Ends) -> None:
    """A subscriber gets tags and messages of its own tags alone, empty and binary ones as they are."""
    with ends.open("PUB", "SUB") as (pub, sub):
        sub.do("subscribe", b"weather.", b"\xff\xfe", b"big")
        join(pub, sub, b"weather.", look=False)
        messages = [
            [b"weather.london", b"12 C"],
            [b"weather.", b""],
            [b"weather.paris", b"\0zero\0\0"],
            [b"\xff\xfe\xfd", bytes(range(256))],
            [b"big", BIG],
        ]
        for message in messages:
            pub.do("send", b"sports", b"2:1")
            pub.do("send", b"", b"weather.london")
            pub.do("send", *message)
        assert sub.wait_for_messages(len(messages)) == messages


@connected
def test_publications_without_a_tag(ends: Ends) -> None:
    """A subscriber to everything gets what is published under no tag, an empty message too."""
    with ends.open("PUB", "SUB") as (pub, sub):
        sub.do("subscribe", b"")
        join(pub, sub, b"", look=False)
        messages = [[b"", b"message"], [b"", b""], [b"", b"\0"], [b"tag", b"message"]]
        for message in messages:
            pub.do("send", *message)
        assert sub.wait_for_messages(len(messages)) == messages


@connected
def test_many_publications(ends: Ends) -> None:
    """A subscriber gets thousands of messages that are published without a pause, in order."""
    with ends.open("PUB", "SUB") as (pub, sub):
        sub.do("subscribe", b"n")
        join(pub, sub, b"n", look=False)
        for number in range(2000):
            pub.do("send", b"n", b"%d" % number)
        assert sub.wait_for_messages(2000) == [[b"n", b"%d" % number] for number in range(2000)]


@connected
def test_unsubscribing(ends: Ends) -> None:
    """After a subscriber has unsubscribed a tag, the publisher's messages under the others go on coming."""
    with ends.open("PUB", "SUB") as (pub, sub):
        sub.do("subscribe", b"a", b"b")
        join(pub, sub, b"a", look=False)
        join(pub, sub, b"b", look=False)
        sub.do("unsubscribe", b"a")
        heard: list[list[bytes]] = [[b"a", b""]]
        number = 0
        while heard[0][0] == b"a":  # until the publisher knows
            number += 1
            for tag in (b"a", b"b"):
                pub.do("send", tag, b"%d" % number)
            heard = [sub.wait_for_message()]
            if heard[0][0] == b"a":
                heard += [sub.wait_for_message()]
            assert heard[-1] == [b"b", b"%d" % number]
        pub.do("send", b"a", b"for nobody")
        pub.do("send", b"b", b"last")
        assert sub.wait_for_message() == [b"b", b"last"]


# --- push and pull ---


@connected
def test_pushed_frames(ends: Ends) -> None:
    """A puller gets messages of one frame and of several, empty and binary ones as they are."""
    with ends.open("PUSH", "PULL") as (push, pull):
        wait_for_room(push)
        messages = [
            [b"one"],
            [b""],
            [b"", b""],
            [b"two", b"", b"frames", b""],
            [bytes(range(256)), BIG],
            [b"%d" % number for number in range(200)],
        ]
        for message in messages:
            push.do("send", *message)
        assert pull.wait_for_messages(len(messages)) == messages


@connected
def test_many_pushed_messages(ends: Ends) -> None:
    """A puller gets ten thousand messages that are pushed without a pause, each once and in order."""
    with ends.open("PUSH", "PULL") as (push, pull):
        wait_for_room(push)
        push.do("many", b"%d" % MANY)
        assert pull.wait_for_messages(MANY) == [[b"%d" % number] for number in range(MANY)]
        push.do("send", b"last")
        assert pull.wait_for_message() == [b"last"]


# --- requests and replies ---


@connected
def test_requests(ends: Ends) -> None:
    """A request's parts arrive as they are, and so do the parts of its reply."""
    with ends.open("REQ", "REP") as (req, rep):
        wait_for_room(req)
        for parts in [[b"one"], [b""], [b"two", b"parts"], [b"", b"between", b""], [b"", b""], [b"\0\xff", BIG]]:
            req.do("send", *parts)
            assert rep.wait_for_message() == parts
            assert req.wait_for_message() == [b"re:", *parts]


@connected
def test_requests_answered_out_of_order(ends: Ends) -> None:
    """Requests are answered in any order, and each reply goes to the request that it answers."""
    with ends.open("REQ", "REP") as (req, rep):
        wait_for_room(req)
        hold(rep)
        for number in range(5):
            req.do("send", b"question", b"%d" % number)
        assert rep.wait_for_messages(5) == [[b"question", b"%d" % number] for number in range(5)]
        for number in (3, 0, 4, 2, 1):
            rep.do("answer", b"%d" % number)
            assert req.wait_for_message() == [b"re:", b"question", b"%d" % number]


@connected
def test_many_requests_at_once(ends: Ends) -> None:
    """A thousand requests that are made without waiting for a reply are all answered."""
    with ends.open("REQ", "REP") as (req, _):
        wait_for_room(req)
        req.do("many", b"1000")
        assert req.wait_for_messages(1000) == [[b"re:", b"%d" % number] for number in range(1000)]


def test_two_who_ask(ends: Ends) -> None:
    """Two that ask one who answers each get the replies to their own requests."""
    with ends.open("REQ", "REP") as (req, rep), ExitStack() as stack:
        if ends.binder is ends.one:
            second = stack.enter_context(ends.one.open(None, "REQ"))
            rep.do("connect", second.wait_for_addresses()[0].encode())
        else:
            second = stack.enter_context(ends.one.open(None, "REQ", connect=rep.wait_for_addresses()[0]))
        for asking in (req, second):
            wait_for_room(asking)
        for number in range(50):
            req.do("send", b"first", b"%d" % number)
            second.do("send", b"second", b"%d" % number)
        assert req.wait_for_messages(50) == [[b"re:", b"first", b"%d" % number] for number in range(50)]
        assert second.wait_for_messages(50) == [[b"re:", b"second", b"%d" % number] for number in range(50)]


@connected
def test_timeouts(ends: Ends) -> None:
    """Requests without a reply end with ZmqRequestTimeoutError, and late replies disturb no other request."""
    with ends.open("REQ", "REP") as (req, rep):
        wait_for_room(req)
        hold(rep)
        req.do("send", b"patient")
        for seconds in (b"0.03", b"0.01", b"0.02"):
            req.do("ask", seconds, seconds)
        assert rep.wait_for_messages(4) == [[b"patient"], [b"0.03"], [b"0.01"], [b"0.02"]]
        timed_out = req.wait_for_messages(3)
        assert sorted(timed_out) == [[b"no reply", seconds] for seconds in (b"0.01", b"0.02", b"0.03")]
        for number in (1, 2, 3, 0):  # too late, but for the last
            rep.do("answer", b"%d" % number)
        assert req.wait_for_message() == [b"re:", b"patient"]
        req.do("ask", b"20", b"another")
        assert rep.wait_for_message() == [b"another"]
        rep.do("answer", b"4")
        assert req.wait_for_message() == [b"reply", b"re:", b"another"]


# --- routers and dealers ---


def test_router_and_dealers(ends: Ends) -> None:
    """A router knows its dealers by their identities, and sends to the one that it names."""
    names = [b"\x01alice", b"bob", b"carol\0\xff"]
    with ExitStack() as stack:
        if ends.binder is ends.one:
            router = stack.enter_context(ends.one.open(None, "ROUTER"))
            connect = router.wait_for_addresses()[0]
            dealers = [
                stack.enter_context(ends.other.open(None, "DEALER", connect=connect, identity=name)) for name in names
            ]
        else:
            dealers = [stack.enter_context(ends.other.open(None, "DEALER", identity=name)) for name in names]
            router = stack.enter_context(ends.one.open(None, "ROUTER", connect=dealers[0].wait_for_addresses()[0]))
            for dealer in dealers[1:]:
                router.do("connect", dealer.wait_for_addresses()[0].encode())
        for name, dealer in zip(names, dealers, strict=True):
            wait_for_room(dealer)
            dealer.do("send", b"hello")
            assert router.wait_for_message() == [name, b"hello"]
        router.do("send", b"nobody", b"of that name")
        for name in reversed(names):
            router.do("send", name, b"one frame")
            router.do("send", name, b"", b"and several", b"", name)
        for name, dealer in zip(names, dealers, strict=True):
            assert dealer.wait_for_messages(2) == [[b"one frame"], [b"", b"and several", b"", name]]


@connected
def test_dealers_frames(ends: Ends) -> None:
    """A router gets a dealer's messages behind its identity, empty and binary frames as they are, in order."""
    messages = [[b""], [b"", b""], [b"two", b"", b"frames", b""], [bytes(range(256)), BIG]]
    messages += [[b"%d" % number] for number in range(500)]
    with ends.open("ROUTER", "DEALER", identity=DEALER) as (router, dealer):
        wait_for_room(dealer)
        for message in messages:
            dealer.do("send", *message)
        assert router.wait_for_messages(len(messages)) == [[DEALER, *message] for message in messages]
        for message in messages:
            router.do("send", DEALER, *message)
        assert dealer.wait_for_messages(len(messages)) == messages


@connected
def test_a_dealer_without_identity(ends: Ends) -> None:
    """A router answers a dealer that has chosen no identity by the one that it was given."""
    with ends.open("ROUTER", "DEALER") as (router, dealer):
        wait_for_room(dealer)
        dealer.do("send", b"who", b"am I?")
        sender, *frames = router.wait_for_message()
        assert frames == [b"who", b"am I?"]
        assert len(sender) == 5
        router.do("send", sender, b"you are", sender)
        assert dealer.wait_for_message() == [b"you are", sender]


# --- the order of events ---


def identity_of(kind: str) -> dict[str, Any]:
    """Return the options of a socket of this kind."""
    return {"identity": DEALER} if kind == "DEALER" else {}


@patterns
def test_connecting_first(ends: Ends, addresses: Addresses, kinds: tuple[str, str]) -> None:
    """An end that connects before the other end binds reaches it once it does."""
    binding, connecting = ends.kind(ends.binder, kinds), ends.kind(ends.connector, kinds)
    with lasting_address(addresses, "tcp") as address, ExitStack() as stack:
        connector = stack.enter_context(
            ends.connector.open(None, connecting, connect=address, **identity_of(connecting))
        )
        connector.wait_for_addresses()
        binder = stack.enter_context(ends.binder.open(None, binding, bind=address, **identity_of(binding)))
        binder.wait_for_addresses()
        PATTERNS[kinds](*((binder, connector) if ends.binder is ends.one else (connector, binder)))


@pytest.mark.parametrize("kinds", [("PUSH", "PULL"), ("DEALER", "ROUTER"), ("REQ", "REP")], ids="-".join)
@pytest.mark.parametrize("pair", PAIRS, ids="-to-".join)
def test_sending_first(
    libraries: dict[str, Peer], addresses: Addresses, kinds: tuple[str, str], pair: tuple[str, str]
) -> None:
    """What is sent before anyone listens at the address arrives, in order, once someone does."""
    one, other = (libraries[library] for library in pair)
    prefix = [DEALER] if kinds[0] == "DEALER" else []
    with lasting_address(addresses, "tcp") as address, ExitStack() as stack:
        sender = stack.enter_context(one.open(None, kinds[0], connect=address, **identity_of(kinds[0])))
        sender.do("many", b"100")
        sender.wait_for_addresses()
        receiver = stack.enter_context(other.open(None, kinds[1], bind=address))
        assert receiver.wait_for_messages(100) == [[*prefix, b"%d" % number] for number in range(100)]
        if kinds[0] == "REQ":
            assert sender.wait_for_messages(100) == [[b"re:", b"%d" % number] for number in range(100)]


@patterns
@pytest.mark.parametrize("restarted", ["binder", "connector"])
def test_restarting(ends: Ends, addresses: Addresses, kinds: tuple[str, str], restarted: str) -> None:
    """When either end is shut down and opened again, the two go on talking."""

    jobs: dict[Peer, Job] = {}

    @contextmanager
    def opened(end: Peer) -> Iterator[None]:
        kind = ends.kind(end, kinds)
        where: dict[str, Any] = {"bind" if end is ends.binder else "connect": address}
        with end.open(None, kind, **where, **identity_of(kind)) as jobs[end]:
            jobs[end].wait_for_addresses()
            yield

    first, again = (ends.binder, ends.connector) if restarted == "connector" else (ends.connector, ends.binder)
    with lasting_address(addresses, "tcp") as address, opened(first):
        for _ in range(3):
            with opened(again):
                PATTERNS[kinds](jobs[ends.one], jobs[ends.other])
            if first is ends.binder:
                wait_for_leave(ends.kind(first, kinds), jobs[first])


@pytest.mark.parametrize("killed", ["one", "other"])
def test_killing(ends: Ends, addresses: Addresses, killed: str) -> None:
    """When the process of either end is killed, the other goes on, and talks to the one that takes its place."""
    heir = ends.one if killed == "one" else ends.other
    with Peer(*heir.command) as victim, lasting_address(addresses, "tcp") as address, ExitStack() as stack:
        jobs: dict[Peer, Job] = {}

        def open_at(end: Peer, peer: Peer) -> None:
            where: dict[str, Any] = {"bind" if end is ends.binder else "connect": address}
            jobs[end] = stack.enter_context(peer.open(None, ends.kind(end, ("REQ", "REP")), **where))
            jobs[end].wait_for_addresses()

        for end in (ends.one, ends.other):
            open_at(end, victim if end is heir else end)
        req, rep = jobs[ends.one], jobs[ends.other]
        ask_some(req, rep)
        hold(rep)
        req.do("ask", b"0.1", b"unanswered")
        assert rep.wait_for_message() == [b"unanswered"]
        victim.kill()
        if killed == "one":
            rep.do("answer", b"0")  # to nobody
            rep.do("release")
        else:
            assert req.wait_for_message() == [b"no reply", b"unanswered"]
        open_at(heir, heir)
        ask_some(jobs[ends.one], jobs[ends.other])
