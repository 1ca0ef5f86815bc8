"""A broker that knows its workers by name and gives each its work, and dealers that talk to each other."""

import txzmq
import zmq
from twisted.internet import reactor
from txzmq.router_dealer import ZmqDealerConnection, ZmqRouterConnection

WORKERS = (b"ann", b"bob", b"\x01\xff")
JOBS = 12


class Broker(ZmqRouterConnection):
    """Begins when all workers are there."""

    def __init__(self, factory, endpoint):
        self.ready = set()
        self.results = []
        super().__init__(factory, endpoint)

    def gotMessage(self, sender, *frames):
        if frames == (b"ready",):
            self.ready.add(sender)
            if len(self.ready) == len(WORKERS):
                self.begin()
        else:
            self.results.append((sender, *frames))
            if len(self.results) == JOBS:
                self.end()

    def begin(self):
        print("workers:", sorted(self.ready))
        self.sendMsg(b"nobody", b"of that name, and no error")
        for number in range(JOBS):
            worker = WORKERS[number % len(WORKERS)]
            if number % 2:
                self.sendMsg(worker, b"%d" % number)
            else:
                self.sendMultipart(worker, [b"%d" % number, b"", b"more"])

    def end(self):
        for worker in WORKERS:
            print(worker, "did", [frames for sender, *frames in self.results if sender == worker])
        for worker in WORKERS:
            self.sendMsg(worker, b"stop")


class Worker(ZmqDealerConnection):
    """Works until it is told to stop."""

    def gotMessage(self, *frames):
        if frames == (b"stop",):
            stopped.append(self.identity)
            self.shutdown()
            if len(stopped) == len(WORKERS):
                print("stopped:", sorted(stopped), "and connections left:", len(factory.connections))
                dealers()
        elif len(frames) == 1:
            self.sendMsg(b"done " + frames[0])
        else:
            self.sendMultipart([b"done", *frames])


def dealers():
    """Two dealers, with handlers of their own."""
    left = ZmqDealerConnection(factory, txzmq.ZmqEndpoint("bind", "inproc://dealers"))
    right = ZmqDealerConnection(factory, txzmq.ZmqEndpoint("connect", "inproc://dealers"))

    def at_left(*frames):
        print("left:", frames)
        if frames == (b"2",):
            reactor.stop()
        else:
            left.sendMultipart([b"to", b"right"])

    def at_right(*frames):
        print("right:", frames)
        right.sendMsg(b"2")

    left.gotMessage = at_left
    right.gotMessage = at_right
    right.sendMsg(b"1")


stopped = []
factory = txzmq.ZmqFactory()
factory.registerForShutdown()
broker = Broker(factory, txzmq.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
address = broker.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
for name in WORKERS:
    worker = Worker(factory, txzmq.ZmqEndpoint("connect", address), identity=name)
    worker.sendMsg(b"ready")
reactor.run()
