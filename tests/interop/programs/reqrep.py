"""A server that answers now, later, in the opposite order, or never; and a client that copes."""

import txzmq
import zmq
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import react
from txzmq.req_rep import ZmqRequestTimeoutError


class Server(txzmq.ZmqREPConnection):
    """Does what the first part of a request says."""

    def __init__(self, *args, **kwargs):
        self.kept = []
        super().__init__(*args, **kwargs)

    def gotMessage(self, messageId, *messageParts):
        word, *parts = messageParts
        getattr(self, "do_" + word.decode())(messageId, *parts)

    def do_echo(self, messageId, *parts):
        self.reply(messageId, *parts)

    def do_add(self, messageId, *parts):
        self.reply(messageId, b"%d" % sum(map(int, parts)))

    def do_keep(self, messageId, *parts):
        self.kept.append((messageId, parts))

    def do_release(self, messageId):
        while self.kept:
            kept, parts = self.kept.pop()
            self.reply(kept, b"kept", *parts)
        self.reply(messageId, b"released")

    def do_twice(self, messageId):
        self.reply(messageId, b"once")
        try:
            self.reply(messageId, b"twice")
        except KeyError:
            self.reply_to_unknown = True


class Client(txzmq.ZmqREQConnection):
    defaultRequestTimeout = 30


async def talk(client, server):
    print(await client.sendMsg(b"echo", b"hello"))
    print(await client.sendMsg(b"echo", b"", b"\0", b""))
    print(await client.sendMsg(b"echo"))
    print(await client.sendMsg(b"add", b"20", b"22", timeout=30))

    many = [client.sendMsg(b"add", b"%d" % number, b"1") for number in range(500)]
    replies = await gatherResults(many)
    print(len(replies), "replies,", replies == [[b"%d" % (number + 1)] for number in range(500)])

    order = []
    kept = [client.sendMsg(b"keep", b"%d" % number) for number in range(4)]
    for reply in kept:
        reply.addCallback(order.append)
    print(await client.sendMsg(b"release"))
    await gatherResults(kept)
    print("in this order:", order)

    try:
        await client.sendMsg(b"keep", b"for long", timeout=0.02)
    except ZmqRequestTimeoutError as error:
        print("no reply in time:", type(error).__name__)
    outcomes = await DeferredList(
        [client.sendMsg(b"keep", timeout=0.02), client.sendMsg(b"echo", b"meanwhile")], consumeErrors=True
    )
    print([str(value) if success else value.type.__name__ for success, value in outcomes])
    client.defaultRequestTimeout = 0.02
    failed = await client.sendMsg(b"keep").addErrback(lambda failure: failure.trap(ZmqRequestTimeoutError))
    print("the default is over:", failed is ZmqRequestTimeoutError)
    client.defaultRequestTimeout = None
    print(await client.sendMsg(b"release"), "and three replies that come too late")
    print(await client.sendMsg(b"echo", b"next"))

    print(await client.sendMsg(b"twice"))
    print("the second reply is a KeyError:", server.reply_to_unknown)


async def main():
    factory = txzmq.ZmqFactory()
    server = Server(factory, txzmq.ZmqEndpoint("bind", "tcp://127.0.0.1:*"))
    address = server.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
    client = Client(factory, txzmq.ZmqEndpoint("connect", address))
    await talk(client, server)
    print("open connections:", len(factory.connections))
    factory.shutdown()


react(lambda reactor: Deferred.fromCoroutine(main()))
