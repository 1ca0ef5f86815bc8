"""How long the suite's walks are: those at random, the storms, and the exhaustive ones.

They find more the longer they are. So they are moderate where the suite is run for each change, and begin with new
dice each time; and whole with ``--everywhere``, and for a mutation.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

__all__ = ["WHOLE", "of_whole", "walk_whole_ways"]

_VARIABLE = "ZMQBRIDGE_WHOLE_WALKS"

# Known before the first test is collected: conftest.py has seen the command line.
WHOLE = os.environ.get(_VARIABLE) == "1"


def walk_whole_ways(environment: MutableMapping[str, str]) -> None:
    """Have walks be whole in a process with this environment, which has not read this module yet."""
    environment[_VARIABLE] = "1"


def of_whole(size: int) -> int:
    """Return how long a walk is here that has this length as a whole: a third of it, or all."""
    return size if WHOLE else -(-size // 3)
