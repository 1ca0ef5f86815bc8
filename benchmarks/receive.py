"""How many 100-byte messages a second each loop receives over TCP, beside its peers in the same run.

``make bench`` runs it. Every contender runs in a process of its own, with a sender in another, once a round;
the rounds are interleaved, so that a machine whose speed drifts slows all of them alike. The
figures are medians over the rounds, and each ratio is the median of the rounds' own ratios to
zmq.asyncio.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator

import zmq

from benchmarks.receivers import RECEIVERS

YARDSTICK = "zmq.asyncio"

# The compiled class's send, for pyzmq's own costs more than some contenders' receiving.
SENDER = """
import sys, zmq, zmq.backend
address, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
message = b"x" * size
with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
    socket.connect(address)
    send = zmq.backend.Socket.send.__get__(socket)
    for _ in range(count):
        send(message, 0)
"""


def measure_here(name: str, count: int, size: int) -> None:
    """Run one contender in this process, and print its messages a second."""
    receiver, share = RECEIVERS[name]
    count = max(2, int(count * share))
    senders = []

    def bound(address: str) -> None:
        senders.append(subprocess.Popen([sys.executable, "-c", SENDER, address, str(count), str(size)]))

    print(receiver(count, bound))
    for sender in senders:
        sender.wait()


def measure(name: str, count: int, size: int) -> float:
    """Run one contender in a fresh process, and return its messages a second."""
    command = [sys.executable, "-m", "benchmarks.receive", "--one", name, "--count", str(count), "--size", str(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def table(figures: dict[str, list[float]]) -> Iterator[str]:
    """Yield the lines of the result."""
    yield f"{'':28}{'messages/s':>12}{'x ' + YARDSTICK:>16}{'min':>12}{'max':>12}"
    for name, rates in figures.items():
        ratios = [rate / other for rate, other in zip(rates, figures[YARDSTICK], strict=True)]
        yield (
            f"{name:28}{statistics.median(rates):12,.0f}{statistics.median(ratios):16.1f}"
            f"{min(rates):12,.0f}{max(rates):12,.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=500_000, help="messages for each measurement")
    parser.add_argument("--size", type=int, default=100, help="bytes of a message")
    parser.add_argument("--one", choices=RECEIVERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure_here(arguments.one, arguments.count, arguments.size)
        return
    print(
        f"{arguments.size}-byte messages over TCP; Python {platform.python_version()}, pyzmq {zmq.pyzmq_version()}, "
        f"libzmq {zmq.zmq_version()}, {platform.system()} {platform.machine()}; {arguments.rounds} rounds"
    )
    figures: dict[str, list[float]] = {name: [] for name in RECEIVERS}
    for _ in range(arguments.rounds):
        for name, rates in figures.items():
            rates.append(measure(name, arguments.count, arguments.size))
    print(*table(figures), sep="\n")


if __name__ == "__main__":
    main()
