"""The account: what each process says that it sent, received and answered, compared. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from examples.demo.cast import HISTORIAN, PUBLISHER, Role
from examples.demo.messages import Report

__all__ = ["Account"]


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
        self.askers = [role for role in roles if role.asks]

    # --- publications ---

    @property
    def messages_published(self) -> int:
        return sum(self.published.values())

    @property
    def messages_due(self) -> int:
        """How many the readers should have received together: each what is under its tags."""
        return sum(self.due(reader) for reader in self.readers)

    @property
    def messages_received(self) -> int:
        return sum(self.total_received(reader) for reader in self.readers)

    def due(self, reader: Role) -> int:
        """How many messages a reader should have received."""
        return sum(count for tag, count in self.published.items() if reader.subscribes_to(tag))

    def received(self, reader: Role, tag: str) -> int | None:
        """How many messages a reader received under a tag; ``None`` if it is not subscribed to it."""
        return self._reports[reader.name].received.get(tag, 0) if reader.subscribes_to(tag) else None

    def total_received(self, reader: Role) -> int:
        return sum(self._reports[reader.name].received.values())

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
        return all(self._reports[role.name].state == "done" for role in roles)

    def _faults_of_reader(self, reader: Role) -> Iterator[str]:
        report = self._reports[reader.name]
        for tag in sorted({*self.published, *report.received}):
            published, received = self.published.get(tag, 0), report.received.get(tag, 0)
            due = published if reader.subscribes_to(tag) else 0
            if received != due:
                yield f"{reader.name} received {received} of {due} messages under {tag}"
        if report.missing:
            yield f"{reader.name} found {report.missing} numbers left out"
        if report.repeated:
            yield f"{reader.name} found {report.repeated} messages that came twice or out of order"

    def _faults_of_asker(self, asker: Role) -> Iterator[str]:
        sent, arrived, replied, answered = self.requests(asker)
        if not sent:
            yield f"{asker.name} sent no request"
        if not sent == arrived == replied == answered:
            yield (
                f"{asker.name} sent {sent} requests, the historian received {arrived} of them "
                f"and sent {replied} replies, {asker.name} received {answered}"
            )
