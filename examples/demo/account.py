"""The account: what each process says that it sent, received and answered, compared. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from examples.demo.cast import HISTORIAN, PUBLISHER, Role
from examples.demo.messages import Report

__all__ = ["Account", "Replacement"]


@dataclass(frozen=True)
class Replacement:
    """What became of the messages for a reader that was killed, and for the one that took its place.

    Attributes:
        killed: the one.
        successor: the other.
        published: how many messages were published under their tags, which the figures below add up to.
        received: how many the one received, as far as it could still report.
        lost: how many more were published before it left: they came after its last report, or died with it.
        unheard: how many were published while neither was there.
        taken_over: how many the other received.
    """

    killed: Role
    successor: Role
    published: int
    received: int
    lost: int
    unheard: int
    taken_over: int


class Account:
    """The last reports of all processes.

    Args:
        roles: the processes that took part.
        reports: the latest report of each, by name.
    """

    def __init__(self, roles: Sequence[Role], reports: Mapping[str, Report]) -> None:
        self._reports = reports
        self.roles = roles
        self.published = reports[PUBLISHER.name].published
        self.readers = [role for role in roles if role.tags]
        self._killed = {role.replaces for role in roles if role.replaces}
        self.askers = [role for role in roles if role.asks]

    # --- publications ---

    @property
    def messages_published(self) -> int:
        return sum(self.published.values())

    @property
    def messages_due(self) -> int:
        """How many the readers should have received together: each what is under its tags while it was there."""
        return sum(self.due(reader) for reader in self.readers)

    @property
    def messages_received(self) -> int:
        return sum(self.total_received(reader) for reader in self.readers)

    def due(self, reader: Role) -> int:
        """How many messages a reader should have received."""
        return sum(self._due(reader, tag) for tag in self.published)

    def _due(self, reader: Role, tag: str) -> int:
        report = self._reports[reader.name]
        if not reader.subscribes_to(tag):
            return 0
        if reader.name in self._killed:
            # What it received after its last report, it alone knew.
            return min(self._left(tag), report.received.get(tag, 0))
        return self.published.get(tag, 0) - report.since.get(tag, 0)

    def _left(self, tag: str) -> int:
        """How many messages had been published when the reader that was killed left, as the publisher noticed."""
        return self._reports[PUBLISHER.name].left.get(tag, 0)

    def received(self, reader: Role, tag: str) -> int | None:
        """How many messages a reader received under a tag; ``None`` if it is not subscribed to it."""
        return self._reports[reader.name].received.get(tag, 0) if reader.subscribes_to(tag) else None

    def total_received(self, reader: Role) -> int:
        return sum(self._reports[reader.name].received.values())

    def replacements(self) -> Iterator[Replacement]:
        """Yield what became of the messages for each reader that was killed."""
        for successor in self.readers:
            if successor.replaces:
                killed = next(reader for reader in self.readers if reader.name == successor.replaces)
                tags = [tag for tag in self.published if killed.subscribes_to(tag)]
                received, left = self.total_received(killed), sum(map(self._left, tags))
                since = sum(self._reports[successor.name].since.get(tag, 0) for tag in tags)
                yield Replacement(
                    killed,
                    successor,
                    published=sum(self.published[tag] for tag in tags),
                    received=received,
                    lost=left - received,
                    unheard=since - left,
                    taken_over=self.total_received(successor),
                )

    # --- requests ---

    @property
    def requests_sent(self) -> int:
        return sum(self._reports[asker.name].asked for asker in self.askers)

    @property
    def replies_received(self) -> int:
        return sum(self._reports[asker.name].answered for asker in self.askers)

    def requests(self, asker: Role) -> tuple[int, int, int, int]:
        """Return how many requests one sent and the historian received, how many replies
        the historian sent, and how many of them came back."""
        report, historian = self._reports[asker.name], self._reports[HISTORIAN.name]
        return (
            report.asked,
            historian.requests.get(asker.name, 0),
            historian.replies.get(asker.name, 0),
            report.answered,
        )

    def answered(self, asker: Role) -> bool:
        """Whether all requests of one were received, answered, and the replies received."""
        sent, arrived, replied, answered = self.requests(asker)
        if asker.name in self._killed:
            # It went on after its last report, and may have died between a request and its reply.
            return answered <= sent <= answered + 1 and answered <= arrived == replied
        return sent == arrived == replied == answered

    # --- the verdict ---

    def faults(self) -> Iterator[str]:
        """Yield, in plain words, everything that is missing."""
        if not self.messages_published:
            yield "nothing was published"
            return
        silent = [role.name for role in self.roles if not self._is_complete(role)]
        if silent:
            yield f"no last report came from {', '.join(silent)}: their figures here are older, and not compared"
        for reader in self.readers:
            if self._is_complete(PUBLISHER, reader):
                yield from self._faults_of_reader(reader)
        for asker in self.askers:
            if self._is_complete(HISTORIAN, asker):
                yield from self._faults_of_asker(asker)

    def _is_complete(self, *roles: Role) -> bool:
        return all(role.name in self._killed or self._reports[role.name].state == "done" for role in roles)

    def _faults_of_reader(self, reader: Role) -> Iterator[str]:
        report = self._reports[reader.name]
        for tag in sorted({*self.published, *report.received}):
            received, due = report.received.get(tag, 0), self._due(reader, tag)
            if received != due:
                yield f"{reader.name} received {received} of {due} messages under {tag}"
            if reader.replaces and reader.subscribes_to(tag) and report.since.get(tag, 0) < self._left(tag):
                yield (
                    f"{reader.name} was told of {report.since.get(tag, 0)} messages before it under {tag}, "
                    f"when {reader.replaces} left after {self._left(tag)}"
                )
        if report.missing:
            yield f"{reader.name} found {report.missing} numbers left out"
        if report.repeated:
            yield f"{reader.name} found {report.repeated} messages that came twice or out of order"

    def _faults_of_asker(self, asker: Role) -> Iterator[str]:
        sent, arrived, replied, answered = self.requests(asker)
        if not sent:
            yield f"{asker.name} sent no request"
        if not self.answered(asker):
            yield (
                f"{asker.name} sent {sent} requests, the historian received {arrived} of them "
                f"and sent {replied} replies, {asker.name} received {answered}"
            )
