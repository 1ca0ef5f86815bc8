"""Every interleaving of a small world, one after another: ``make explore``.

The random walks of ``tests/model`` go far and see little of what is near. Here a search goes breadth first through all
that can happen to one connection: up to three tasks, a peer, turns of one message and of two. Of two lists of
steps that lead to the same state only one is gone on with. What it finds first is so the shortest there is.

- :mod:`~tests.explore.peer`: the model of libzmq's edge, with a peer that comes and leaves.
- :mod:`~tests.explore.loop`: the model of a loop, which keeps its registration between waits.
- :mod:`~tests.explore.core`: opens a connection on it. The only file that knows private names of the core.
- :mod:`~tests.explore.fingerprint`: what two states have in common that behave alike from now on.
- :mod:`~tests.explore.world`: the steps, and what must hold.
- :mod:`~tests.explore.search`: the search, and :func:`~tests.explore.search.replay`, which goes through one list.
"""
