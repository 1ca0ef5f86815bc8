from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.internet.task import react

from zmqbridge_twisted import ZmqEndpoint, ZmqFactory, ZmqPushConnection


def main(reactor: IReactorCore) -> Deferred[None]:
    factory = ZmqFactory(reactor)
    factory.lingerPeriod = 60_000  # milliseconds
    pusher = ZmqPushConnection(factory, ZmqEndpoint("connect", "tcp://127.0.0.1:5562"))
    pusher.push(b"sweep the floor")
    return factory.shutdown().addCallback(lambda _: print("pushed"))


react(main)
