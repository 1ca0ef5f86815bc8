"""Routing ids that no stranger can guess.

The facts. To a peer that names no routing id of its own a ROUTER gives one that libzmq makes up: a zero byte and a
number that counts up. The first number comes of libc's ``rand()``, which nobody seeds: it is the same in every process.
A stranger may announce any routing id, so also the one that is made up next; and then the next anonymous peer makes
libzmq abort the process (libzmq 4.3.5, ``router.cpp``).

The design. libc's generator is seeded with the system's randomness before a process opens its first socket here, and
again in the child of a fork, which would go on with its parent's numbers. What a stranger can still do, with names by
the thousand and connections by the million, stands in ``docs/libzmqs-own``; CURVE with an authenticator keeps him out.
"""

from __future__ import annotations

import ctypes
import os

__all__ = ["seed_routing_ids"]

_seeded_in: int | None = None


def seed_routing_ids() -> None:
    """Have the routing ids that libzmq makes up begin somewhere else in each process; once a process is enough."""
    global _seeded_in  # noqa: PLW0603 (it is the process's)
    if _seeded_in != os.getpid():
        _seeded_in = os.getpid()
        try:
            seed = ctypes.CDLL(None).srand
        except (OSError, AttributeError, TypeError):
            return  # Windows: its generator is each thread's own, and has no seed from here
        seed(ctypes.c_uint(int.from_bytes(os.urandom(4))))
