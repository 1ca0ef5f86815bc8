"""A pair of CURVE keys: made, saved and loaded, and shown nowhere.

The facts. czmq and pyzmq keep a pair in two files, one to give away and one beside it, ``..._secret``. pyzmq writes the
second with whatever the umask allows, and changes that afterwards, if at all: others can read it in between.

The design. A file of secrets has the permissions of its owner alone from its first byte on. It is not written over, and
not loaded where others can read it, unless that is asked for. A traceback can be shown with the variables of its
frames; so what passes through them is a :class:`~zmqbridge.options.Secret`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from hmac import compare_digest
from secrets import token_hex
from typing import Any, NoReturn, Self

import zmq

from zmqbridge.errors import CertificateError
from zmqbridge.options import Secret
from zmqbridge.security import certificates, z85

__all__ = ["KeyPair"]

SECRET_SUFFIX = "_secret"

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyPair:
    """A pair of keys for CURVE (ZeroMQ's RFC 26). It cannot be changed, and shows its public key alone.

    ::

        KeyPair.generate().save("server.key")   # writes server.key, and server.key_secret for the owner alone
        keys = KeyPair.load("server.key")

    Args:
        public: the public key: 40 characters of Z85, or 32 bytes.
        secret: the secret key, likewise.

    Raises:
        CertificateError: if one of them is no key, or they are no pair.
    """

    __slots__ = ("_metadata", "_public", "_secret")

    def __init__(self, public: str | bytes, secret: str | bytes, metadata: Mapping[str, str] | None = None) -> None:
        hidden = Secret(z85.public_text(secret))
        del secret
        given = Secret(z85.public_text(public))  # which is a secret, too, if they are the wrong way round
        del public
        if given.reveal() is None or hidden.reveal() is None:
            which = "public" if given.reveal() is None else "secret"
            raise CertificateError(f"the {which} key is none; a key is 40 characters of Z85, or 32 bytes")
        if _public_of(hidden) != given.reveal():
            raise CertificateError("the secret key is not that of the public key; take both from one pair")
        self._public: str = given.reveal()
        self._secret = hidden
        self._metadata = dict(metadata or {})

    @classmethod
    def generate(cls) -> Self:
        """Return a new pair.

        Raises:
            CertificateError: if this libzmq was built without CURVE.
        """
        try:
            public, secret = map(Secret, zmq.curve_keypair())
        except zmq.ZMQError as error:
            raise CertificateError(f"this libzmq was built without CURVE ({error}); take another build") from None
        return cls(public.reveal(), secret.reveal())

    # --- what they are ---

    @property
    def public(self) -> str:
        """The public key as 40 characters of Z85, for whoever is to know it."""
        return self._public

    @property
    def public_bytes(self) -> bytes:
        """The same, 32 bytes."""
        return z85.decode(self._public) or b""

    @property
    def secret(self) -> str:
        """The secret key as 40 characters of Z85, for nobody else."""
        key: str = self._secret.reveal()
        return key

    @property
    def secret_bytes(self) -> bytes:
        """The same, 32 bytes."""
        return z85.decode(self.secret) or b""

    @property
    def metadata(self) -> dict[str, str]:
        """What the certificate says beside the keys; a copy."""
        return dict(self._metadata)

    # --- files ---

    def save(
        self, path: str | os.PathLike[str], *, metadata: Mapping[str, str] | None = None, overwrite: bool = False
    ) -> None:
        """Write two files as czmq does: ``path``, to give away, and ``path_secret``, which its owner alone can read.

        Args:
            path: of the first; such as ``server.key``.
            metadata: what the files say beside the keys, such as a name; the pair's own if it is left out.
            overwrite: whether files that are there are replaced.

        Raises:
            FileExistsError: if one of the files is there; then nothing was written.
            CertificateError: if the metadata cannot be written.
            OSError: if the files cannot.
        """
        base = _base(path)
        kept = self._metadata if metadata is None else dict(metadata)
        open_text = certificates.written(self._public, None, kept)
        secret_text = Secret(certificates.written(self._public, self.secret, kept))
        secret_path = base + SECRET_SUFFIX
        if not overwrite:
            for each in (base, secret_path):
                if os.path.lexists(each):
                    _raise_existing(each)
        _write(secret_path, secret_text, 0o600, overwrite)
        try:
            _write(base, Secret(open_text), 0o644, overwrite)
        except BaseException:
            if not overwrite:
                os.unlink(secret_path)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, allow_readable: bool = False) -> Self:
        """Return the pair of a file that :meth:`save`, czmq or pyzmq wrote.

        Args:
            path: of either file; the one with the secret key is read.
            allow_readable: whether others may be able to read it.

        Raises:
            CertificateError: if others can read it, or it has no pair of keys.
            OSError: if it cannot be read.
        """
        base = _base(path)
        secret_path = base + SECRET_SUFFIX
        if not os.path.lexists(secret_path) and os.path.lexists(base):
            secret_path = base  # some keep both keys in one file
        text = _read(secret_path, secret=not allow_readable)
        hidden = Secret(certificates.secret_key_of(text, secret_path))
        public = certificates.public_key_of(text, secret_path)
        return cls(public, hidden.reveal(), certificates.metadata_of(text))

    @staticmethod
    def load_public(path: str | os.PathLike[str]) -> str:
        """Return the public key of a file, as Z85: all that a client needs to know of its server.

        Raises:
            CertificateError: if it has none.
            OSError: if it cannot be read.
        """
        name = os.fspath(path)
        return certificates.public_key_of(_read(name, secret=False), name)

    # --- shown nowhere ---

    def __repr__(self) -> str:
        return f"<KeyPair with the public key {self._public}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KeyPair):
            return NotImplemented
        return self._public == other._public and compare_digest(self.secret, other.secret)

    def __hash__(self) -> int:
        return hash(self._public)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a KeyPair is not pickled, for its secret key would be in the pickle; save() and load() it")


def _base(path: str | os.PathLike[str]) -> str:
    return os.fspath(path).removesuffix(SECRET_SUFFIX)


def _public_of(secret: Secret) -> str:
    return zmq.curve_public(secret.reveal().encode()).decode()


def _raise_existing(path: str) -> NoReturn:
    raise FileExistsError(f"{path} is there already; choose another path, or say overwrite=True")


def _write(path: str, text: Secret, mode: int, overwrite: bool) -> None:
    """Write a file that has its permissions before its first byte, whole or not at all."""
    temporary = f"{path}.{token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            file.write(text.reveal())
            file.flush()
            os.fsync(descriptor)
        if overwrite:
            os.replace(temporary, path)
        else:
            _publish(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _publish(temporary: str, path: str) -> None:
    """Give a file its name, unless that is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        _raise_existing(path)
    except OSError:  # a file system without links
        if os.path.lexists(path):
            _raise_existing(path)
        os.replace(temporary, path)
    else:
        os.unlink(temporary)


def _read(path: str, *, secret: bool) -> Secret:
    """Return the text of a file, which a fifo or a device is not.

    Args:
        path: of the file.
        secret: others must not be able to read it.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise CertificateError(f"{path} is no file; a certificate is one")
        if secret and os.name == "posix" and status.st_mode & _OTHERS:
            raise CertificateError(
                f"others can use {path}, which holds a secret key (mode {stat.S_IMODE(status.st_mode):o}); "
                f"say 'chmod 600 {path}', or allow_readable=True"
            )
        octets = Secret(file.read(certificates.MOST_BYTES + 1))
    if len(octets.reveal()) > certificates.MOST_BYTES:
        raise CertificateError(f"{path} is larger than {certificates.MOST_BYTES} bytes; it is no certificate")
    return Secret(octets.reveal().decode("utf-8", "replace"))
