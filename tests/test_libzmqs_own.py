"""What ``docs/libzmqs-own`` says of plain libzmq is so still; where libzmq has mended it, the page is to be put right.

Each program is one of pyzmq's own users, without zmqbridge, in a process of its own: some of them end theirs.
"""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import zmq

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the page's trials were on Linux")

BEGIN = """
import sys, tempfile, zmq

context = zmq.Context()
context.linger = 0
kept = []

def bound(kind, address="tcp://127.0.0.1:*", **options):
    socket = context.socket(kind)
    kept.append(socket)
    for name, value in options.items():
        setattr(socket, name, value)
    socket.bind(address)
    return socket, socket.last_endpoint.decode().rstrip("\\0")

def connected(kind, address, **options):
    socket = context.socket(kind)
    kept.append(socket)
    for name, value in options.items():
        setattr(socket, name, value)
    socket.connect(address)
    return socket
"""


def run(program: str) -> tuple[int, str, str]:
    """Run a program; return how it ended, what it printed, and what libzmq said."""
    done = subprocess.run([sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_made_up_routing_id_is_taken() -> None:
    """A peer that announces the id which the next peer without one would get ends the router's process."""
    status, printed, said = run("""
router, address = bound(zmq.ROUTER)
connected(zmq.DEALER, address).send(b"without a name")
peer, _ = router.recv_multipart()
following = b"\\0" + (int.from_bytes(peer[1:], "big") + 1).to_bytes(4, "big")
connected(zmq.DEALER, address, routing_id=following).send(b"stranger")
print(peer.hex(), router.recv_multipart()[1].decode(), flush=True)
connected(zmq.DEALER, address).send(b"without a name")
router.recv_multipart()
""")
    assert (status, printed) == (-signal.SIGABRT, "006b8b4567 stranger\n")
    assert "Assertion failed: ok" in said


def test_name_that_is_taken() -> None:
    """A second peer with the name of one that is there is not heard, even after the first has gone."""
    status, printed, _ = run("""
router, address = bound(zmq.ROUTER)
first = connected(zmq.DEALER, address, routing_id=b"lab-7")
first.send(b"first")
print(router.recv_multipart())
again = connected(zmq.DEALER, address, routing_id=b"lab-7")
monitor = router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
again.send(b"again")
first.close()
monitor.recv_multipart()
other = connected(zmq.DEALER, address, routing_id=b"other")
other.send(b"other")
print(router.recv_multipart())
again.send(b"once more")
other.send(b"the last")
print(router.recv_multipart())
print(router.poll(0))
""")
    assert status == 0
    assert printed == "[b'lab-7', b'first']\n[b'other', b'other']\n[b'other', b'the last']\n0\n"


def test_end_of_a_burst_over_ipc() -> None:
    """Over ipc a receiver whose queue is full loses what it has not read when the sender ends; over TCP it does not."""
    program = """
import os, subprocess
receiver, address = bound(zmq.PULL, {address}, rcvhwm=10)
sender = "import zmq, sys; s = zmq.Context().socket(zmq.PUSH); s.sndhwm = 0; s.linger = -1; s.connect(sys.argv[1])"
sender += "; [s.send(b'x' * 100) for _ in range(150)]; s.close(); s.context.term()"
monitor = receiver.get_monitor_socket(zmq.EVENT_DISCONNECTED)
subprocess.run([sys.executable, "-c", sender, address], check=True)
received = 0
while receiver.poll(0 if monitor.poll(0) else 5000):
    receiver.recv()
    received += 1
print(received)
"""
    status, received, _ = run(program.format(address='"ipc://" + tempfile.mkdtemp() + "/path"'))
    assert status == 0
    assert 0 < int(received) < 150
    status, received, _ = run(program.format(address='"tcp://127.0.0.1:*"'))
    assert (status, received) == (0, "150\n")


@pytest.mark.parametrize("end", ["unsubscribe(tag)", "close()"])
def test_long_subscription(end: str) -> None:
    """A subscriber to a tag of a million bytes ends its process when the subscription ends."""
    status, _, _ = run(f"""
tag = b"x" * 1_000_000
subscriber = context.socket(zmq.SUB)
subscriber.subscribe(tag)
subscriber.{end}
context.destroy(0)
""")
    assert status == -signal.SIGSEGV


def test_long_subscription_ends_a_proxy() -> None:
    """So does who forwards such a subscription, when the subscriber leaves; an XPUB with a limit does not hear it."""
    program = """
import contextlib, socket
front, _ = bound(zmq.XSUB)
back, address = bound(zmq.XPUB, maxmsgsize={limit})
stranger = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
ready = b"\\5READY\\x0bSocket-Type\\0\\0\\0\\3SUB"
stranger.sendall(b"\\xff" + bytes(8) + b"\\x7f\\3\\0NULL" + bytes(48) + b"\\4" + bytes([len(ready)]) + ready)
came = b""
while b"READY" not in came:
    came += stranger.recv(1000)
with contextlib.suppress(OSError):
    stranger.sendall(b"\\2" + (1_000_001).to_bytes(8, "big") + b"\\1" + b"x" * 1_000_000)
    stranger.shutdown(socket.SHUT_WR)
friend = connected(zmq.SUB, address)
friend.subscribe(b"friend")
for _ in range({messages}):
    subscription = back.recv()
    print(subscription[:1], len(subscription), flush=True)
    front.send(subscription)
"""
    status, printed, _ = run(program.format(limit=-1, messages=3))
    assert "b'\\x01' 1000001\n" in printed
    assert status == -signal.SIGSEGV
    assert run(program.format(limit=4097, messages=1))[:2] == (0, "b'\\x01' 7\n")


def test_two_at_one_path() -> None:
    """A second bind of an ipc path is no error, and takes what comes from then on."""
    status, printed, _ = run("""
first, address = bound(zmq.PULL, "ipc://" + tempfile.mkdtemp() + "/path")
second, _ = bound(zmq.PULL, address)
connected(zmq.PUSH, address).send(b"message")
print(second.recv(), first.poll(0))
""")
    assert (status, printed) == (0, "b'message' 0\n")


def test_unread_monitor() -> None:
    """A monitor that nobody reads keeps other sockets from being served, until it is read."""
    status, printed, _ = run("""
import os, socket
puller, address = bound(zmq.PULL)
pusher = connected(zmq.PUSH, address)
watched, port = bound(zmq.ROUTER, backlog=4000)  # all have room there, for nobody takes them in when it stands
watched.monitor("inproc://monitor", zmq.EVENT_ALL)
monitor = connected(zmq.PAIR, "inproc://monitor")
for number in range(1, 3001):
    socket.create_connection(("127.0.0.1", int(port.rpartition(":")[2]))).close()
    if number % 50 == 0:
        pusher.send(b"x")
        if not puller.poll(2000):
            print("stands still")
            break
        puller.recv()
else:
    sys.exit("it never stood still")
while not puller.poll(0):
    if monitor.poll(10):  # all may be read before the message comes
        monitor.recv_multipart()
print("goes on", flush=True)
os._exit(0)  # its end would wait for the monitor's reader once more
""")
    assert (status, printed) == (0, "stands still\ngoes on\n")


def test_name_that_nobody_has_bound() -> None:
    """A context without room for one more socket aborts when it ends, if a name was connected to and never bound."""
    status, printed, said = run("""
context.max_sockets = 1
connected(zmq.PUSH, "inproc://nobody").close()
print("ends", flush=True)
context.term()
""")
    assert (status, printed) == (-signal.SIGABRT, "ends\n")
    assert "Assertion failed: s " in said


def test_message_that_breaks_off() -> None:
    """What is sent after the beginning of a message that broke off is taken for its rest."""
    context = zmq.Context()
    with context, context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
        pull.bind("inproc://whole")
        push.connect("inproc://whole")
        push.send(b"the first frame of one", zmq.SNDMORE)
        push.send_multipart([b"the whole", b"of another"])
        assert pull.recv_multipart() == [b"the first frame of one", b"the whole", b"of another"]
