"""Whatever a peer may send, fed to the pure modules: see :mod:`tests.fuzz.layouts`, and ``python -m tests.fuzz``."""
