from twisted.application.service import Application

from zmqbridge_twisted import ZmqEndpoint, ZmqFactory, ZmqPullConnection
from zmqbridge_twisted.service import ZmqService


class Jobs(ZmqPullConnection):
    def onPull(self, message: list[bytes]) -> None:
        print("job", message)


def connect(factory: ZmqFactory) -> None:
    Jobs(factory, ZmqEndpoint("bind", "tcp://127.0.0.1:5562"))


application = Application("jobs")
ZmqService(connect).setServiceParent(application)
