"""What becomes of the awkward cases, in zmqbridge and in its peers: lost messages, hangs, a loop that stands still.

The facts. Libraries differ where something happens between a message's coming and the loop's turn, where peers come,
go and misbehave, and where loops and programs end. They have different interfaces: some an awaitable receive, others
handlers.

The consequence. A case is worth something only if it is the same program for all of them, and if what one case
leaves behind cannot reach the next.

The design. ``python -m benchmarks.guarantees`` runs every case against every library, each time in a fresh process, and
prints what was observed: a row a case, a column a library. Each of :mod:`cases` is written once, against the interface
of :mod:`libraries.library`; a module of :mod:`libraries` gives it to one library, in the way of that library's users,
and :mod:`loops` does the same for the loops. :mod:`columns` lists what is compared, :mod:`trying` runs a case, and
:mod:`summing` says in a few words what several rounds came to. Where a case gives a figure, it is their median.

The peers are on PyPI as zmq-anyio, aiozmq and txzmq; one that is not installed has no column.
"""
