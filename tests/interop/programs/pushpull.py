"""Jobs for two workers, and a worker that takes jobs from two places."""

import os
import tempfile

import txzmq
import zmq
from twisted.internet import reactor
from txzmq.connection import ZmqEndpoint, ZmqEndpointType

COUNT = 2000


def address_of(connection):
    return connection.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()


class Worker(txzmq.ZmqPullConnection):
    """Pulls so many messages, and then says so."""

    def __init__(self, factory, endpoint, wanted, done):
        self.pulled = []
        self.wanted = wanted
        self.done = done
        txzmq.ZmqPullConnection.__init__(self, factory, endpoint)

    def onPull(self, message):
        self.pulled.append(message)
        if len(self.pulled) == self.wanted:
            self.done()


def share():
    """One who pushes serves its pullers in turn."""

    def done():
        if all(len(worker.pulled) == 5 for worker in workers):
            for worker in workers:
                print("a worker pulled", [number for (number,) in worker.pulled])
                worker.shutdown()
            push.shutdown()
            frames()

    workers = [Worker(factory, ZmqEndpoint(ZmqEndpointType.bind, "tcp://127.0.0.1:*"), 5, done) for _ in range(2)]
    push = txzmq.ZmqPushConnection(factory)
    push.addEndpoints([ZmqEndpoint(ZmqEndpointType.connect, address_of(worker)) for worker in workers])
    for number in range(10):
        push.push(b"%d" % number)


def frames():
    """Messages are one frame or several, and none of them changes on its way."""
    messages = [b"one", [b"one"], [b""], [b"two", b"frames"], [b"", b"between", b""], (b"a", b"tuple"), [b"\0\xff" * 4]]

    def done():
        for message in worker.pulled:
            print("pulled", message)
        for connection in (worker, push):
            connection.shutdown()
        two_places()

    worker = Worker(factory, ZmqEndpoint(ZmqEndpointType.bind, "inproc://frames"), len(messages), done)
    push = txzmq.ZmqPushConnection(factory, ZmqEndpoint(ZmqEndpointType.connect, "inproc://frames"))
    print(push, "belongs to", factory)
    for message in messages:
        push.push(message)


def two_places():
    """One that pulls listens in two places, and many messages come from both."""

    def done():
        for name in (b"tcp", b"ipc"):
            numbers = [int(number) for source, number in worker.pulled if source == name]
            print(len(numbers), "by", name, "in order" if numbers == list(range(COUNT)) else "in no order")
        reactor.stop()

    ipc = "ipc://" + os.path.join(directory, "jobs")
    worker = Worker(factory, ZmqEndpoint(ZmqEndpointType.bind, "tcp://127.0.0.1:*"), 2 * COUNT, done)
    tcp = address_of(worker)
    worker.addEndpoints([ZmqEndpoint(ZmqEndpointType.bind, ipc)])
    print("listens in", len(worker.endpoints), "places")
    for name, address in ((b"tcp", tcp), (b"ipc", ipc)):
        push = txzmq.ZmqPushConnection(factory, ZmqEndpoint(ZmqEndpointType.connect, address))
        for number in range(COUNT):
            push.push([name, b"%d" % number])


with tempfile.TemporaryDirectory() as directory:
    factory = txzmq.ZmqFactory()
    factory.registerForShutdown()
    reactor.callWhenRunning(share)
    reactor.run()
