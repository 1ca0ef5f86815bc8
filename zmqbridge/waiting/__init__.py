"""Who waits, for how long, and for what: the books of one socket, without any I/O.

============  =====================================================================
module        what is in it
============  =====================================================================
``guard``     who may touch the socket: it is open, and this is its thread
``turn``      how much one turn of the loop may read and send
``edge``      whether the descriptor's edge may have been eaten, and who must look
``inbox``     what was read ahead, and what of it is reserved for whom
``parking``   who is parked, who leads, who is woken next
``patience``  how long replies may wait for clients that make no room
============  =====================================================================
"""
