"""txZMQ's interface, case by case, under trial: ``trial --reactor=epoll tests.trial``, or any other reactor.

:mod:`tests.test_trial` runs them all on each reactor. They are trial's own test cases and not pytest's, for
that is how the users of this interface test: with Deferreds, the global reactor, and trial's eye
on what a case leaves behind.
"""
