"""Steps of cases without a loop, in which a program of handlers takes part."""

from __future__ import annotations

from tests.interop.joining import BEGIN, TRIAL
from tests.interop.processes import Job

__all__ = ["has_room", "join", "wait_for_room"]


def has_room(job: Job) -> bool:
    """Whether the socket has a peer that takes a message; it has received nothing that is not taken."""
    job.do("look")
    return job.wait_for_message() == [b"room"]


def wait_for_room(job: Job) -> None:
    """Return once the socket has a peer that takes a message."""
    while not has_room(job):
        pass


def join(sender: Job, receiver: Job, *prefix: bytes, look: bool = True) -> None:
    """Return once what one sends, behind the prefix, arrives at the other, and nothing else is under way."""
    before = len(receiver.messages)

    def heard() -> bool:
        if not look or has_room(sender):
            sender.do("send", *prefix, TRIAL)
        return len(receiver.messages) > before

    receiver.wait_until(heard)
    sender.do("send", *prefix, BEGIN)
    while not receiver.wait_for_message()[-1].endswith(BEGIN):
        pass
