"""Who may come in: keys, options that ask for them, and an authenticator that judges who connects.

=================  ===========================================================================================
module             what is in it
=================  ===========================================================================================
``z85``            keys as text and as bytes. Pure
``certificates``   czmq's files of keys, as text. Pure
``keys``           :class:`~zmqbridge.KeyPair`: made, saved, loaded
``presets``        the options of servers and clients, and of a port that faces the world. Pure
``open_ports``     the warning about a port that anybody reaches
``zap``            requests and replies of ZAP, ZeroMQ's RFC 27. Pure
``policies``       what judges without waiting: keys, passwords, networks. Pure
``directory``      a directory of public keys, read again when it changes
``handler``        the handler of a ZeroMQ context: answers on the sentry's thread
``asking``         what is asked on the loop: ``authorize``, many at once, each within its time
``authenticator``  :class:`~zmqbridge.Authenticator`: one domain's policies, open for a while
``admitting``      makes them, for :class:`~zmqbridge.Context`
=================  ===========================================================================================
"""
