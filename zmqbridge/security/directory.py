"""A directory of public keys: czmq's certificates, read again when it changes.

The facts. Whoever adds, renames or removes a file changes the directory's time. The time has a grain: what changes
twice within it may look as if it had changed once. A file that is written in place does not change the directory's.

The design. Each question asks for the directory's time, one call, and reads again only what has changed. What changed
so lately that the grain may hide a change is read again; so a file that is added or removed counts from the next
handshake on. A file that is written in place counts within a second. A directory that cannot be read lets nobody in.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from time import monotonic, time_ns

from zmqbridge.bursts import Bursts
from zmqbridge.errors import CertificateError
from zmqbridge.options import Secret
from zmqbridge.security import certificates

__all__ = ["Directory"]

logger: logging.Logger = logging.getLogger("zmqbridge")

SUFFIX = ".key"
IN_PLACE_SECONDS = 1.0
_SECOND = 1_000_000_000
_GRAIN = _SECOND // 20
_COARSE_GRAIN = 2 * _SECOND

_Stamp = tuple[int, int, int]


class Directory:
    """The public keys of the files ``*.key`` in a directory.

    Args:
        path: of the directory; it need not be there yet.
        clock: in nanoseconds, as files have it.

    Attributes:
        reads: how many files were read so far.
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], int] = time_ns) -> None:
        self._path = os.fspath(path)
        self._clock = clock
        self._looked_at = 0
        self._stamp: tuple[int, int, int] | None = None
        self._files: dict[str, tuple[_Stamp, bool, str | None]] = {}
        self._keys: frozenset[str] = frozenset()
        self._look_again = 0.0
        self._wrong = Bursts()
        self.reads: int = 0

    def keys(self) -> frozenset[str]:
        """Return the keys that are there now.

        Raises:
            OSError: if the directory cannot be read.
        """
        try:
            status = os.stat(self._path)
            stamp = _stamp(status)
            settled = _settled(status.st_mtime_ns, self._looked_at)
            if stamp != self._stamp or not settled or monotonic() >= self._look_again:
                self._look(stamp)
        except OSError:
            self._stamp = None
            raise
        return self._keys

    def _look(self, stamp: _Stamp) -> None:
        now = self._clock()
        files: dict[str, tuple[_Stamp, bool, str | None]] = {}
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    file = self._file(entry, now)
                    if file is not None:
                        files[entry.name] = file
        self._files = files
        self._keys = frozenset(key for _, _, key in files.values() if key is not None)
        self._stamp, self._looked_at = stamp, now
        self._look_again = monotonic() + IN_PLACE_SECONDS

    def _file(self, entry: os.DirEntry[str], now: int) -> tuple[_Stamp, bool, str | None] | None:
        try:
            status = os.stat(entry.path)
            before = self._files.get(entry.name)
            if before is not None and before[0] == _stamp(status) and before[1]:
                return before
            self.reads += 1
            return _stamp(status), _settled(status.st_mtime_ns, now), _read(entry.path)
        except FileNotFoundError:  # removed meanwhile
            return None
        except (OSError, CertificateError) as error:
            times = self._wrong.count(entry.name, monotonic())
            if times:
                logger.warning("%s lets nobody in: %s", entry.path, error)
            return None


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_mtime_ns, status.st_ino, status.st_size


def _settled(changed: int, looked_at: int) -> bool:
    """Whether a change after a look shows in the time, so that the look need not be repeated."""
    grain = _GRAIN if changed % _SECOND else _COARSE_GRAIN
    return changed + grain < looked_at


def _read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CertificateError(f"{path} is no file; a certificate is one")
        text = Secret(file.read(certificates.MOST_BYTES).decode("utf-8", "replace"))
    return certificates.public_key_of(text, path)
