"""The demo: measurements of this machine, between processes that each run on a loop of their own.

::

    python -m examples.demo [--seconds N]

Read the participants first; each is an example of its own, in one short file:

====================  ==============  ====================================================================
``publisher``         asyncio         measures this machine and publishes what it finds, by tag
``historian``         uvloop          subscribes to everything, answers requests for history
``trio_reader``       trio            subscribes to some tags, requests history several times a second
``anyio_reader``      anyio           the same
``twisted_reader``    Twisted         the same, in coroutines
``pyzmq_reader``      none            the same with pyzmq alone: blocking sockets and a poller
``txzmq_reader``      Twisted         the same with txZMQ alone
====================  ==============  ====================================================================

What they share knows neither a socket nor a loop: ``messages`` (what is on the wire),
``tally`` (what a reader counts), ``machine`` (what is measured). The process that you start is
the ``supervisor``, on asyncio: it starts the others, as ``cast`` lists them, collects their reports and
shows them (``display``); the ``account`` at the end compares what each of them counted.

A publication that comes before its subscriber is lost: that is ZeroMQ's rule. So nothing is
timed here. Under each tag the publisher first says *hello* until every subscriber has reported
that it hears all its tags; then come the numbered measurements; and *end* comes last, with
their number. What is between is complete, or somebody can tell what is missing.
"""
