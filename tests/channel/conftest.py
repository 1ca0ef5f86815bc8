"""The books, in Python and in C, and sockets of each kind."""

from tests.opened import opened
from tests.twins import extension, kind, units

__all__ = ["extension", "kind", "opened", "units"]
