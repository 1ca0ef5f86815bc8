"""An authenticator for programs with handlers: :class:`zmqbridge.Authenticator`, on a factory and its reactor."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred

from zmqbridge.options import Secret
from zmqbridge.security.authenticator import AuthenticationStats, Authenticator, Authorize, Keys, Passwords
from zmqbridge_twisted.factory import ZmqFactory

__all__ = ["ZmqAuthenticator"]


class ZmqAuthenticator:
    """Says who may come in to the connections of a factory that enforce a domain, until it is shut down.

    Args:
        factory: of the connections; its shutdown ends this as well.
        domain, keys, passwords, networks, authorize, timeout, concurrency: as
            :meth:`zmqbridge.Context.authenticator` takes them; what may be a coroutine function there may return a
            Deferred as well.

    Attributes:
        opened: a Deferred that fires with ``None`` once it answers. It fails if it cannot, as where the domain has
            another one.

    Raises:
        OptionError: if something that is given cannot be used.
        ConnectionClosed: if the factory is shut down.
    """

    def __init__(
        self,
        factory: ZmqFactory,
        domain: str,
        *,
        keys: Keys | None = None,
        passwords: Passwords | None = None,
        networks: Iterable[str] | str | None = None,
        authorize: Authorize | None = None,
        timeout: float = 5.0,
        concurrency: int = 32,
    ) -> None:
        hidden = Secret(passwords)
        del passwords
        factory._zmqHome.check_open()
        backend = factory._zmqBackend
        self._authenticator = Authenticator(
            factory._zmqHome,
            lambda: backend,
            domain,
            keys=keys,
            passwords=hidden,
            networks=networks,
            authorize=authorize,
            timeout=timeout,
            concurrency=concurrency,
        )
        self.opened: Deferred[None] = Deferred.fromCoroutine(self._authenticator.open())

    @property
    def domain(self) -> str:
        """The domain's name."""
        return self._authenticator.domain

    @property
    def stats(self) -> AuthenticationStats:
        """What was answered so far."""
        return self._authenticator.stats

    def shutdown(self) -> Deferred[None]:
        """Answer nothing any more. What is asked is cancelled, and who is asked about refused. Twice is no error.

        Returns:
            A Deferred that fires with ``None`` when all of that has ended.
        """
        return Deferred.fromCoroutine(self._authenticator.aclose())

    def __repr__(self) -> str:
        return f"Zmq{self._authenticator!r}".replace("Zmq<", "<Zmq", 1)
