"""An authenticator: what one domain says of who may come in, while it is open.

It is two things in two threads. :class:`Judge` answers on the sentry's thread, without waiting; what only the
program can say, it has asked on the loop. :class:`Authenticator` is what the program holds, on the loop. Whatever goes
wrong in between, nobody comes in.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from time import monotonic
from types import TracebackType
from typing import Any, Self

from zmqbridge.abc import Backend
from zmqbridge.bursts import Bursts
from zmqbridge.errors import BackendError, ConnectionClosed, LocalProtocolError, OptionError, ZmqBridgeError
from zmqbridge.home import Home
from zmqbridge.options import Secret, SocketOptions, check_wait
from zmqbridge.presence.bell import Bell
from zmqbridge.presence.sentry import Sentry
from zmqbridge.security.asking import Desk, outcome
from zmqbridge.security.handler import Case
from zmqbridge.security.policies import Policies, keys_of, networks_of, passwords_of
from zmqbridge.security.zap import Handshake, Status, Verdict, accepted
from zmqbridge.showing import shown

__all__ = ["AuthenticationStats", "Authenticator", "Judge"]

logger: logging.Logger = logging.getLogger("zmqbridge")

Answer = str | bool | None
Keys = (
    str
    | PathLike[str]
    | Iterable[str | bytes]
    | Mapping[str, str]
    | Mapping[bytes, str]
    | Callable[[str], Answer | Awaitable[Answer]]
)
Passwords = Mapping[str, str] | Callable[[str, str], Answer | Awaitable[Answer]]
Authorize = Callable[[Handshake], Answer | Awaitable[Answer]]

LONGEST = 3600.0
LOOK_AGAIN = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticationStats:
    """What an authenticator has answered so far. Each handshake is in one of the first four.

    Attributes:
        accepted: were let in.
        refused: were not, because a policy says so. Such a client does not try again.
        failed: were not, because it could not be decided: something raised, took too long, or was closed. Such a
            client tries again.
        pending: are not answered yet.
        timed_out: those of ``failed`` that took too long.
    """

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    pending: int = 0
    timed_out: int = 0


class Judge:
    """What a domain says, on the sentry's thread.

    Args:
        domain: its name.
        keys, passwords, networks, authorize: as :meth:`zmqbridge.Context.authenticator` takes them.

    Attributes:
        standing: it judges at this moment.
        error: why it cannot.
        bell: is rung when one of these has changed.

    Raises:
        OptionError: if one of them cannot be used.
    """

    def __init__(self, domain: str, keys: Any, passwords: Secret, networks: Any, authorize: Any) -> None:
        SocketOptions(zap_domain=domain)
        secrets = passwords.reveal()
        asks_passwords = callable(secrets)
        empty = secrets is None
        del secrets
        if keys is None and empty and networks is None and authorize is None:
            raise OptionError(
                f"the authenticator of {shown(domain)} would let nobody in; give it keys=, passwords=, networks= or "
                "authorize="
            )
        if authorize is not None and not callable(authorize):
            raise OptionError(f"authorize is a {type(authorize).__name__}; it takes a function of a Handshake")
        self.domain = domain
        self.standing: bool = False
        self.error: str | None = None
        self.bell: Bell = Bell()
        self.desk: Desk | None = None
        self._ask_keys: Any = keys if callable(keys) else None
        self._ask_passwords = passwords if asks_passwords else Secret(None)
        self._authorize = authorize
        asks = {"CURVE": callable(keys), "PLAIN": asks_passwords}
        self._policies = Policies(
            None if keys is None or callable(keys) else keys_of(keys),
            None if empty or asks_passwords else passwords_of(passwords),
            None if networks is None else networks_of(networks),
            frozenset(mechanism for mechanism, asked in asks.items() if asked),
            authorize is not None,
        )
        self._counts = dict.fromkeys(Status, 0)
        self._refusals = Bursts()
        self._failures = Bursts()
        self._backend: Backend | None = None

    @property
    def stats(self) -> AuthenticationStats:
        """What was answered so far. Any thread may ask."""
        return AuthenticationStats(
            accepted=self._counts[Status.OK],
            refused=self._counts[Status.REFUSED],
            failed=self._counts[Status.AGAIN],
            pending=0 if self.desk is None else self.desk.pending,
            timed_out=0 if self.desk is None else self.desk.timed_out,
        )

    def attach(self, backend: Backend, sentry: Sentry, timeout: float, concurrency: int) -> None:
        """Ask on a loop from now on. Before it is opened."""
        self._backend = backend
        self.desk = Desk(backend, sentry, self._ask, timeout=timeout, concurrency=concurrency, domain=self.domain)

    # --- on the sentry's thread ---

    def judge(self, case: Case) -> None:
        """Answer a case, or have it asked about."""
        case.note = lambda verdict: self._note(case.handshake, verdict)
        try:
            verdict = self._policies.judge(case.handshake)
        except Exception as error:
            verdict = Verdict(Status.AGAIN, f"it could not be judged ({type(error).__name__}: {error})")
        if verdict.status is not Status.OK or not self._policies.asks(case.handshake):
            case.answer(verdict)
        elif self.desk is None:
            case.answer(Verdict(Status.AGAIN, "there is no loop to ask on"))
        else:
            case.user_id = verdict.user_id
            self.desk.take(case)

    def close(self) -> None:
        """Answer what is not answered yet."""
        if self.desk is not None:
            self.desk.close()

    def told(self, standing: bool, error: str | None = None) -> None:
        """It judges from now on, or no more, or cannot."""
        self.error = error
        self.standing = standing
        if self._backend is not None:
            with suppress(BackendError):  # the loop has ended: nobody waits there
                self._backend.call_from_thread(self.bell.ring)

    def _note(self, handshake: Handshake, verdict: Verdict) -> None:
        self._counts[verdict.status] += 1
        if verdict.status is Status.OK:
            logger.debug(
                "domain %s: %s from %s comes in as %s",
                shown(self.domain),
                handshake.mechanism,
                handshake.address or "this machine",
                shown(verdict.user_id),
            )
            return
        bursts = self._refusals if verdict.status is Status.REFUSED else self._failures
        times = bursts.count(verdict.reason, monotonic())
        if times:
            logger.log(
                logging.INFO if verdict.status is Status.REFUSED else logging.WARNING,
                "domain %s: %s from %s was refused, status %s: %s (%d time(s) since this was last told)",
                shown(self.domain),
                handshake.mechanism,
                handshake.address or "this machine",
                verdict.status.value.decode(),
                verdict.reason,
                times,
            )

    # --- on the loop's thread ---

    async def _ask(self, case: Case) -> Verdict:
        handshake, verdict = case.handshake, Verdict(Status.OK, user_id=case.user_id)
        if handshake.mechanism == "CURVE" and self._ask_keys is not None:
            answer = await outcome(self._ask_keys(handshake.public_key))
            verdict = accepted(answer, verdict.user_id, "keys")
        elif handshake.mechanism == "PLAIN" and self._ask_passwords.reveal() is not None:
            answer = await outcome(self._ask_passwords.reveal()(handshake.username, handshake.password))
            verdict = accepted(answer, verdict.user_id, "passwords")
        if verdict.status is Status.OK and self._authorize is not None:
            verdict = accepted(await outcome(self._authorize(handshake)), verdict.user_id, "authorize")
        return verdict


class Authenticator:
    """Says who may come in to one domain, while it is open: ``async with context.authenticator("lab", ...):``.

    Made by :meth:`zmqbridge.Context.authenticator`. It answers from :meth:`open` to :meth:`aclose`; before and after,
    nobody comes in to a server that enforces the domain.
    """

    def __init__(
        self,
        home: Home,
        get_backend: Callable[[], Backend],
        domain: str,
        *,
        keys: Keys | None,
        passwords: Any,
        networks: Any,
        authorize: Authorize | None,
        timeout: float,
        concurrency: int,
    ) -> None:
        self._timeout = check_wait("timeout", timeout)
        if not 0 < self._timeout <= LONGEST:
            raise OptionError(
                f"timeout={shown(timeout)} is out of range; it takes seconds, more than 0 and {LONGEST:g} at most"
            )
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise OptionError(f"concurrency={shown(concurrency)}: it takes a whole number, 1 or more")
        self._judge = Judge(domain, keys, passwords, networks, authorize)
        self._concurrency = concurrency
        self._home = home
        self._get_backend = get_backend
        self._opened = self._closed = False

    @property
    def domain(self) -> str:
        """The domain's name, as servers have it in their options."""
        return self._judge.domain

    @property
    def stats(self) -> AuthenticationStats:
        """What was answered so far."""
        return self._judge.stats

    @property
    def closed(self) -> bool:
        """Whether it answers nothing any more."""
        return self._closed or self._home.closed

    async def open(self) -> None:
        """Begin to answer; ``async with`` does so.

        Raises:
            ZmqBridgeError: if it cannot: the domain has another one, or the ZeroMQ context has another handler.
            ConnectionClosed: if the context is closed.
            LocalProtocolError: if it was opened before.
        """
        if self._opened:
            raise LocalProtocolError(f"{self!r} was opened before; make another one")
        self._home.check_open()
        backend = self._get_backend()
        self._judge.attach(backend, self._home.sentry, self._timeout, self._concurrency)
        self._opened = True
        self._home.handler.open(self.domain, self._judge)
        try:
            await self._until(lambda: self._judge.standing or self._judge.error is not None, backend)
        except BaseException:
            self.close()
            raise
        if self._judge.error is not None:
            self._closed = True
            raise ZmqBridgeError(self._judge.error)
        if not self._judge.standing:
            raise ConnectionClosed("the context is closed; make another one")

    def close(self) -> None:
        """Answer nothing any more, soon. What is not answered yet is refused, and tries again. Twice is no error."""
        if self._opened and not self._closed:
            self._closed = True
            if self._judge.desk is not None:
                self._judge.desk.cancel()
            self._home.handler.close(self.domain, self._judge)

    async def aclose(self) -> None:
        """Close it, and wait until what was asked has ended."""
        self.close()
        backend = self._get_backend()
        await backend.checkpoint()
        if self._opened:
            await self._until(lambda: not self._judge.standing, backend)
            if self._judge.desk is not None:
                await self._judge.desk.wait_ended()

    async def _until(self, condition: Callable[[], bool], backend: Backend) -> None:
        """Wait until something holds that the sentry tells, or the context is closed, which tells nobody."""
        while not await self._judge.bell.until(
            lambda: condition() or self._home.closed, backend, backend.current_time() + LOOK_AGAIN
        ):
            pass

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is not None and self._home.forked:
            return  # a forked child on its way out: nothing here is its own
        await self.aclose()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open" if self._judge.standing else "not open"
        return f"<Authenticator of {shown(self.domain)}: {state}>"
