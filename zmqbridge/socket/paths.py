"""What is at the path of an ipc address, before libzmq binds it.

The facts. A socket's file outlives whoever listened there. So libzmq removes whatever has the path, and binds: one that
is in use is taken over without a word, and a file that is no socket is gone.

The design. The path is asked first: a socket's file at which nobody listens is stale, and libzmq may have it; anything
else is named. Two that ask at the same moment for the same stale file both get it, as without asking.
"""

from __future__ import annotations

import os
import socket
import stat

__all__ = ["why_taken"]


def why_taken(path: str) -> str | None:
    """Return why an ipc path cannot be bound, or ``None`` where nothing is known against it."""
    if path.startswith("@") or path == "*" or not hasattr(socket, "AF_UNIX"):
        return None  # the system answers for names without a file
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return None
    if not stat.S_ISSOCK(mode):
        return "a file has that path, or a directory, and libzmq would remove it; choose another"
    try:
        asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError:
        return None
    with asking:
        asking.setblocking(False)
        try:
            asking.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except PermissionError:
            return "another user's socket has that path, and this process may not ask whether it is in use"
        except OSError as error:
            if error.args == ("AF_UNIX path too long",):
                return None
    return "the address is in use; choose another, or stop whoever listens there"
