"""Handlers of all kinds: overridden, assigned, failing, and closing their own connection; and options."""

import txzmq
import zmq
from twisted.internet import reactor
from twisted.python import log


def show(event):
    """Print the errors that are logged."""
    if event["isError"]:
        failure = event["failure"]
        print("logged:", failure.type.__name__, failure.value)


class Factory(txzmq.ZmqFactory):
    ioThreads = 2
    lingerPeriod = 0


class Named:
    """Says when it is shut down, whoever does it."""

    name = None

    def shutdown(self):
        closed.append(self.name)
        super().shutdown()


class Pair(Named, txzmq.ZmqConnection):
    """A socket type that txZMQ has no class for."""

    socketType = zmq.PAIR
    highWaterMark = 7
    reconnectInterval = 20
    reconnectIntervalMax = 400
    multicastRate = 300

    def __init__(self, name, endpoint, identity=None):
        self.name = name
        super().__init__(factory, endpoint, identity)

    def messageReceived(self, message):
        print(self.name, "received", message)
        if message == [b"bad"]:
            raise ValueError("a bad message")
        if message == [b"close"]:
            self.shutdown()
            print("its socket:", self.socket, "its factory:", self.factory)
            after_closing()
        elif message == [b"answer"]:
            self.send([b"an", b"answer"])
        elif message == [b"an", b"answer"]:
            self.send(b"close")
            self.send(b"never")


class Shouting(Named, txzmq.ZmqPushConnection):
    """Overrides the method that all sending goes through."""

    name = "shouting"

    def send(self, message):
        super().send(message.upper())


class Numbered(Named, txzmq.ZmqREQConnection):
    """Makes ids of its own."""

    name = "numbered"
    count = 0

    def _getNextId(self):
        self.count += 1
        return b"request-%d" % self.count


def pairs():
    server = Pair("server", txzmq.ZmqEndpoint("bind", "inproc://pair"), b"identity")
    client = Pair("client", txzmq.ZmqEndpoint("connect", "inproc://pair"))
    for option in ("SNDHWM", "RCVHWM", "LINGER", "RATE", "RECONNECT_IVL", "RECONNECT_IVL_MAX", "TCP_KEEPALIVE"):
        print("   ", option, server.socket.get(getattr(zmq, option)), client.socket.getsockopt(getattr(zmq, option)))
    print("   ", server.socket.get(zmq.IDENTITY), server.identity, client.identity)
    print("   ", server.fileno() == server.fd == server.socket.get(zmq.FD), server.logPrefix(), len(server.queue))
    print("   ", server.endpoints[0].type, server.endpoints[0].address)
    print("   ", client.endpoints == [("connect", "inproc://pair")])
    print("   ", server in reactor.getReaders(), factory.connections == {server, client})
    for message in (b"one", [b"t", b"w", b"o"], b"bad", b"answer"):
        client.send(message)


def after_closing():
    """In the handler still."""
    print("closed:", closed, "and open:", [connection.name for connection in factory.connections])
    reactor.callLater(0, assigned)


def assigned():
    """Handlers that are assigned to the connection, and not overridden."""
    pulled = []

    def pull_one(message):
        pulled.append(message)
        print("pulled", message)
        if len(pulled) == 2:
            pull.onPull = pull_last

    def pull_last(message):
        print("pulled the last", message)
        requests()

    pull = txzmq.ZmqPullConnection(factory, txzmq.ZmqEndpoint("bind", "inproc://push"))
    pull.onPull = pull_one
    push = Shouting(factory, txzmq.ZmqEndpoint("connect", "inproc://push"))
    for message in (b"one", b"two", b"three"):
        push.push(message)


def requests():
    asked = []

    def got_message(messageId, *messageParts):
        asked.append(messageId)
        reply.reply(messageId, b"re", *messageParts)

    def end(_):
        print("asked by", asked)
        nothing()

    reply = txzmq.ZmqREPConnection(factory, txzmq.ZmqEndpoint("bind", "inproc://reply"))
    reply.gotMessage = got_message
    request = Numbered(factory, txzmq.ZmqEndpoint("connect", "inproc://reply"))
    for number in range(3):
        request.sendMsg(b"%d" % number).addCallback(print)
    request.sendMsg(b"end").addCallback(end)


def nothing():
    """A connection that has no handler logs what it cannot handle, and lives on."""
    pull = txzmq.ZmqPullConnection(factory, txzmq.ZmqEndpoint("bind", "inproc://nothing"))
    push = txzmq.ZmqPushConnection(factory, txzmq.ZmqEndpoint("connect", "inproc://nothing"))

    def logged(event):
        if event["isError"]:
            log.removeObserver(logged)
            print("nobody handles it:", event["failure"].type.__name__)
            pull.onPull = lambda message: reactor.stop()
            push.push(b"handled")

    log.removeObserver(show)
    log.addObserver(logged)
    push.push(b"not handled")


closed = []
log.startLoggingWithObserver(show, setStdout=False)
factory = Factory()
factory.registerForShutdown()
print(factory.context.get(zmq.IO_THREADS), factory.lingerPeriod, factory.reactor is reactor)
reactor.callWhenRunning(pairs)
reactor.run()
print("closed in the end:", sorted(closed))
print(factory.connections, factory.context)
