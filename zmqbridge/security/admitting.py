"""A context as far as it says who may come in."""

from __future__ import annotations

from collections.abc import Iterable

from zmqbridge.abc import Backend
from zmqbridge.home import Home
from zmqbridge.options import Secret
from zmqbridge.security.authenticator import Authenticator, Authorize, Keys, Passwords

__all__ = ["Admitting"]


class Admitting:
    """Makes authenticators."""

    _home: Home

    def _find_backend(self) -> Backend:
        raise NotImplementedError

    def authenticator(
        self,
        domain: str,
        *,
        keys: Keys | None = None,
        passwords: Passwords | None = None,
        networks: Iterable[str] | str | None = None,
        authorize: Authorize | None = None,
        timeout: float = 5.0,
        concurrency: int = 32,
    ) -> Authenticator:
        """Return what says who may come in to the servers of a domain, while it is open.

        ::

            async with context.authenticator("lab", keys="/etc/lab/clients"):
                options = SocketOptions.curve_as_server(KeyPair.load("server.key"), domain="lab")
                replier = context.replier(bind="tcp://*:5555", options=options)

        All that is given must hold; what nothing is said about is a no. Who comes in with CURVE must have a key that
        ``keys`` or ``authorize`` lets in, with PLAIN a password that ``passwords`` or ``authorize`` does; a peer
        that shows nothing comes in if neither is given and ``networks`` or ``authorize`` says so. Keys,
        passwords and networks are judged also while the loop is busy; functions are called on the loop.

        Args:
            domain: its name, as in :meth:`SocketOptions.curve_as_server <zmqbridge.SocketOptions.curve_as_server>`.
            keys: public keys, as text or bytes; a mapping from them to user ids; the path of a directory of
                certificates, ``*.key``, which is read again when it changes; or a function of a key as text.
            passwords: a mapping from users to passwords, or a function of both.
            networks: where peers may be, such as ``["10.1.0.0/16", "127.0.0.1"]``.
            authorize: a function of a :class:`~zmqbridge.Handshake`. It returns ``True``, a user id, or ``False``
                or ``None`` for a no; it may be a coroutine function, as the other two may.
            timeout: seconds for what is asked on the loop; who has no answer by then is refused, and tries again.
            concurrency: how many are asked about at once.

        Raises:
            OptionError: if one of these cannot be used.
            ValueError: if the timeout is no time.
        """
        hidden = Secret(passwords)
        del passwords
        return Authenticator(
            self._home,
            self._find_backend,
            domain,
            keys=keys,
            passwords=hidden,
            networks=networks,
            authorize=authorize,
            timeout=timeout,
            concurrency=concurrency,
        )
