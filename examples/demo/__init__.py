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
the ``supervisor``, on asyncio: it starts the others, as ``cast`` lists them, takes their reports and
shows them (``display``); the ``account`` at the end compares what each of them counted.

A publication that comes before its subscriber is lost: that is ZeroMQ's rule. So nothing is
timed here. The publisher learns of each subscription when it has arrived, and says *hello* under its
tags, with the number of the measurements that came before. The numbered measurements begin when all
have reported that they hear all their tags; and *end* comes last, with their number. What is
between is complete, or somebody can tell what is missing.

In the middle of the run the supervisor kills the reader on anyio, without a word to anybody, and starts
another in its place. It sees by its router's ``peer_changes()`` who is there. What was published
meanwhile is lost, by the same rule; the account says how much, and all the rest is complete.
"""
