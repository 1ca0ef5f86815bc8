"""The books, in Python and in C."""

from tests.twins import extension, units

__all__ = ["extension", "units"]
