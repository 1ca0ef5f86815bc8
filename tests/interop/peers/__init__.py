"""The real things: programs that run in processes of their own and talk to ours over ZeroMQ.

Each is started as ``python -m tests.interop.peers.NAME`` and told what to do on its stdin,
as :mod:`tests.interop.peers.control` describes.
"""
