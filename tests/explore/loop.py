"""The model's loop, which also tells the pipe whether its descriptor is registered."""

from __future__ import annotations

from tests.explore.peer import Pipe
from tests.model.loop import ModelBackend

__all__ = ["Loop"]


class Loop(ModelBackend):
    """The loop of one world.

    Attributes:
        pipe: whose descriptor its tasks wait for.
    """

    def __init__(self) -> None:
        super().__init__(lambda fd: self.pipe.readable)
        self.pipe = Pipe(0)

    def release(self, fd: int) -> None:
        super().release(fd)
        self.pipe.registered = False
