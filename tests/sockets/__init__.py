"""The three kinds of socket, with pyzmq alone, with ctypes and with the extension: the same cases, the same answers."""
