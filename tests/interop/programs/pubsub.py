"""A publisher of the weather, and three who subscribe to parts of it."""

import txzmq
import zmq
from twisted.internet import reactor
from twisted.internet.task import LoopingCall

READY = b"ready"
MARK = b"mark"


class Station(txzmq.ZmqSubConnection):
    """Keeps what it hears."""

    def __init__(self, factory, endpoint, name, *tags):
        self.name = name
        self.ready = False
        self.heard = []
        super().__init__(factory, endpoint)
        for tag in (READY, MARK, *tags):
            self.subscribe(tag)

    def gotMessage(self, message, tag):
        if tag == READY:
            self.ready = True
        else:
            self.heard.append((tag, message))
            weather.look()


class Weather:
    """The program's steps, one after another."""

    def __init__(self):
        self.factory = txzmq.ZmqFactory()
        self.factory.registerForShutdown()
        self.publisher = txzmq.ZmqPubConnection(
            self.factory, txzmq.ZmqEndpoint(txzmq.ZmqEndpointType.bind, "tcp://127.0.0.1:*")
        )
        address = self.publisher.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        endpoint = txzmq.ZmqEndpoint(txzmq.ZmqEndpointType.connect, address)
        self.stations = [
            Station(self.factory, endpoint, "London", b"weather.london"),
            Station(self.factory, endpoint, "Europe", b"weather.", b"storm"),
            Station(self.factory, endpoint, "everything", b""),
        ]
        self.look = self.wait_for_the_news
        self.calling = LoopingCall(self.call)
        self.calling.start(0.01)

    def call(self):
        """What is published before a subscription has arrived is lost, so begin when all are there."""
        if all(station.ready for station in self.stations):
            self.calling.stop()
            self.publish()
        else:
            self.publisher.publish(b"", READY)

    def publish(self):
        self.publisher.publish(b"12 C", b"weather.london")
        self.publisher.publish(b"18 C", b"weather.paris")
        self.publisher.publish(b"2:1", tag=b"sports")
        self.publisher.publish(b"", b"weather.")
        self.publisher.publish(b"no tag")
        self.publisher.publish(b"")
        self.publisher.publish(bytes(range(8)), b"weather.london.binary")
        self.publisher.send([b"storm", b"in two\0frames"])
        for number in range(1000):
            self.publisher.publish(b"%d" % number, b"weather.log")
        self.publisher.publish(b"end", MARK)

    def wait_for_the_news(self):
        if not all(station.heard[-1:] == [(MARK, b"end")] for station in self.stations):
            return
        for station in self.stations:
            log = [message for tag, message in station.heard if tag == b"weather.log"]
            print(station.name, "heard:")
            for tag, message in station.heard:
                if tag != b"weather.log":
                    print("   ", tag, message)
            print("    and", len(log), "lines,", "in order" if log == sorted(log, key=int) else "in no order")
            station.heard.clear()
        self.stations[1].unsubscribe(b"weather.")
        self.round = 0
        self.look = self.wait_for_the_end
        self.again()

    def again(self):
        self.round += 1
        self.publisher.publish(b"%d" % self.round, b"weather.paris")
        self.publisher.publish(b"%d" % self.round, b"storm")
        self.publisher.publish(b"%d" % self.round, MARK)

    def wait_for_the_end(self):
        """The publisher needs some time to learn of it."""
        mark = (MARK, b"%d" % self.round)
        if not all(mark in station.heard for station in self.stations):
            return
        heard = self.stations[1].heard
        if (b"weather.paris", b"%d" % self.round) in heard:
            self.again()
            return
        print("Europe hears of storms alone:", [tag for tag, _ in heard[-2:]])
        reactor.stop()


weather = Weather()
reactor.run()
print("connections:", weather.factory.connections)
