"""What a program does when there is no room, no reply, or no more need of one; and when it ends."""

import errno

import txzmq
import zmq
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.task import deferLater


class Push(txzmq.ZmqPushConnection):
    highWaterMark = 5


class Pull(txzmq.ZmqPullConnection):
    highWaterMark = 5

    def __init__(self, *args):
        self.pulled = []
        self.finished = Deferred()
        super().__init__(*args)

    def onPull(self, message):
        self.pulled.append(int(message[0]))
        if len(self.pulled) == 100:
            self.finished.callback(self.pulled)


class Lazy(txzmq.ZmqREPConnection):
    """Answers when it is told to."""

    def __init__(self, *args):
        self.requests = []
        self.waiting = None
        super().__init__(*args)

    def gotMessage(self, messageId, *messageParts):
        self.requests.append((messageId, messageParts))
        if self.waiting is not None and len(self.requests) == self.waiting[0]:
            (_, there), self.waiting = self.waiting, None
            there.callback(None)

    def have(self, count):
        """Return a Deferred that fires when so many requests are here."""
        if len(self.requests) >= count:
            return deferLater(reactor, 0)
        self.waiting = (count, Deferred())
        return self.waiting[1]

    def answer_all(self):
        for id, parts in self.requests:
            self.reply(id, *parts)
        self.requests.clear()


@inlineCallbacks
def room():
    """At the high-water mark a push is refused, and the program tries again later."""
    lonely = Push(factory, txzmq.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
    try:
        lonely.push(b"to nobody")
    except zmq.ZMQError as error:
        print("nobody pulls:", errno.errorcode[error.errno])
    lonely.shutdown()

    pull = Pull(factory, txzmq.ZmqEndpoint("bind", "inproc://room"))
    push = Push(factory, txzmq.ZmqEndpoint("connect", "inproc://room"))
    number = refused = 0
    while number < 100:
        try:
            push.push(b"%d" % number)
        except zmq.ZMQError as error:
            if error.errno != zmq.EAGAIN:
                raise
            if not refused:
                print("full after", number, isinstance(error, zmq.Again))
            refused += 1
            yield deferLater(reactor, 0.001)
        else:
            number += 1
    pulled = yield pull.finished
    print("all are there:", pulled == list(range(100)))

    try:
        Pull.addEndpoints(pull, [txzmq.ZmqEndpoint("bind", "inproc://room")])
    except zmq.ZMQError as error:
        print("the address is taken:", errno.errorcode[error.errno])


@inlineCallbacks
def timeouts(lazy, client):
    """Timeouts of all kinds, and replies that come too late for them."""
    early = client.sendMsg(b"early", timeout=0.05)
    late = client.sendMsg(b"late", timeout=0.01)
    patient = client.sendMsg(b"patient")
    yield lazy.have(3)
    for name, reply in (("late", late), ("early", early)):
        try:
            yield reply
        except txzmq.ZmqRequestTimeoutError as error:
            print(name, "timed out:", isinstance(error, Exception), len(error.args))
    lazy.answer_all()
    print("without a timeout:", (yield patient))

    asked = client.sendMsg(b"added")
    asked.addTimeout(0.01, reactor)
    try:
        yield asked
    except DeferredTimeoutError as error:
        print("addTimeout:", type(error).__name__)


@inlineCallbacks
def cancelling(lazy, client):
    """A request that is given up; its reply goes nowhere, and others are answered."""
    yield lazy.have(1)
    lazy.answer_all()
    given_up = [client.sendMsg(b"given up"), client.sendMsg(b"given up too", timeout=30)]
    kept = client.sendMsg(b"kept")
    yield lazy.have(3)
    for reply in given_up:
        reply.cancel()
        try:
            yield reply
        except CancelledError:
            print("cancelled")
    lazy.answer_all()
    print("not cancelled:", (yield kept))
    kept.cancel()

    ignored = client.sendMsg(b"ignored", timeout=0.01)
    ignored.addErrback(lambda failure: print("ended by", failure.trap(CancelledError).__name__))
    ignored.cancel()
    last = client.sendMsg(b"last")
    yield lazy.have(2)
    lazy.answer_all()
    print("and after it:", (yield last))


@inlineCallbacks
def main():
    yield room()
    lazy = Lazy(factory, txzmq.ZmqEndpoint("bind", "inproc://lazy"))
    client = txzmq.ZmqREQConnection(factory, txzmq.ZmqEndpoint("connect", "inproc://lazy"))
    yield timeouts(lazy, client)
    yield cancelling(lazy, client)
    client.shutdown()
    print("client:", client.factory, client.socket)
    print("open:", sorted(type(connection).__name__ for connection in factory.connections))


def failed(failure):
    failure.printTraceback()


factory = txzmq.ZmqFactory()
factory.registerForShutdown()
reactor.addSystemEventTrigger("before", "shutdown", lambda: print("before:", factory.connections is None))
reactor.addSystemEventTrigger("after", "shutdown", lambda: print("after:", factory.connections is None))
reactor.callWhenRunning(lambda: main().addErrback(failed).addBoth(lambda _: reactor.stop()))
reactor.run()
print("the end:", factory.connections, factory.context)
