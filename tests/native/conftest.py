"""The extension, in use."""

from tests.opened import opened
from tests.twins import extension

__all__ = ["extension", "opened"]
