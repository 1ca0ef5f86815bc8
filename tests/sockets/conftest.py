"""The three kinds of socket, and what closes them."""

from tests.opened import opened
from tests.twins import extension, kind

__all__ = ["extension", "kind", "opened"]
