"""The core on a model of libzmq and a model of a loop: every order of events that a real machine shows once a year.

Nothing here is concurrent and nothing takes time. hypothesis decides what happens next, and
between which two calls on the socket, and shrinks what fails to a few steps.
"""
