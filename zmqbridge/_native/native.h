/* What the files of the extension share: libzmq's functions, the objects, and which file has what.

   The facts. Through pyzmq a message costs two or three calls of Python, and a frame an object
   of its own; libzmq itself needs a tenth of that. The messages are small and many.

   The consequence. What is asked most often is worth one call that does the whole of it: to read a batch, to attempt a
   send, to take what was read ahead.

   The design. Each object here is the twin of a unit that is written in Python, and named in the same way: the Python is
   the specification, and the same tests run on both. The extension links to no libzmq. It is given the addresses of the
   functions that it calls, in the libzmq that pyzmq has loaded, so there is one libzmq in the process, and one wheel
   serves every later Python (the limited API, which setup.py asks for). It never waits, and holds the interpreter for
   one bounded batch. The constants are given to it by zmqbridge/_native/__init__.py.

   The files stand on each other in this order, and never the other way round. */

#ifndef ZMQBRIDGE_NATIVE_H
#define ZMQBRIDGE_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

/* --- base.c --- */

/* From zmq.h, which is not needed to build this: they are part of libzmq's stable ABI. */
typedef union {
    unsigned char bytes[64];
    void *pointer;
    uint64_t number;
} zmq_msg_t;

enum { ZMQ_DONTWAIT = 1, ZMQ_SNDMORE = 2, ZMQ_EVENTS = 15, ZMQ_POLLIN = 1, ZMQ_POLLOUT = 2 };

typedef struct {
    int (*msg_init)(zmq_msg_t *);
    int (*msg_init_size)(zmq_msg_t *, size_t);
    int (*msg_recv)(zmq_msg_t *, void *, int);
    void *(*msg_data)(zmq_msg_t *);
    size_t (*msg_size)(const zmq_msg_t *);
    int (*msg_more)(const zmq_msg_t *);
    int (*msg_move)(zmq_msg_t *, zmq_msg_t *);
    int (*msg_close)(zmq_msg_t *);
    const char *(*msg_gets)(const zmq_msg_t *, const char *);
    int (*msg_init_data)(zmq_msg_t *, void *, size_t, void (*)(void *, void *), void *);
    int (*msg_send)(zmq_msg_t *, void *, int);
    int (*send)(void *, const void *, size_t, int);
    int (*getsockopt)(void *, int, void *, size_t *);
    int (*last_errno)(void);
} Libzmq;

extern Libzmq libzmq;

/* What a frame costs beside its bytes; from how many bytes on a frame is sent without a copy. */
extern Py_ssize_t frame_cost, shared_from;

/* Whether a publication is one of those that publishers and subscribers tell each other. */
int is_reserved(const char *data, Py_ssize_t size);

/* zmqbridge's own: frames_of(), NOTHING, the root of its errors, those after which a socket is at its end, Origin and
   Traced. */
extern PyObject *frames_of, *nothing, *zmqbridge_error, *connection_closed, *context_terminated, *origin_type,
    *traced_type;

/* A new object of a type, or NULL with an exception; and its end, where it has no more to let go of. */
PyObject *allocate(PyObject *type);
void free_object(PyObject *self);

/* Import these; return -1 with an exception. */
int import_names(void);

/* The module's function that takes the addresses of libzmq's functions, and the constants. */
PyObject *use(PyObject *self, PyObject *args);

/* Append an item, which is let go of; return -1 with an exception, also where it is NULL already. */
int append(PyObject *list, PyObject *item);

/* --- lent.c --- */

/* Make a message of an object's own memory, which libzmq keeps until it has sent it; return -1 where it cannot. */
int lend(zmq_msg_t *message, PyObject *object, void *data, size_t size);

/* Give back to Python what libzmq has sent. */
void collect_returned(void);

/* The module's functions that do that; that end all calls of Python from libzmq's threads, when Python ends; and that
   forget who was calling, in the child of a fork, where these threads are not. */
PyObject *collect(PyObject *self, PyObject *unused);
PyObject *stop_asking(PyObject *self, PyObject *unused);
PyObject *forget_callers(PyObject *self, PyObject *unused);

/* The module's function that takes the descriptor of a pipe, to be told through of what comes back from a memoryview. */
PyObject *tell_pipe(PyObject *self, PyObject *descriptor);

/* --- books.c --- */

typedef struct {
    PyObject_HEAD
    unsigned long owner;
} Ownership;

typedef struct {
    PyObject_HEAD
    Py_ssize_t limit, reads, sends, number;
    char lenient;
} Turn;

typedef struct {
    PyObject_HEAD
    char stale;
    PyObject *leader;
} Edge;

extern PyObject *ownership_type, *turn_type, *edge_type;
int add_books(PyObject *module);
int ownership_passes(Ownership *ownership);

/* Touch the edge, with an exception set or not; return -1 with an exception where the leader could not be woken. */
int edge_touch(Edge *edge);

/* --- publication.c --- */

/* Make a publication of a frame, an instance of a named tuple; NULL without an exception where nothing ends its tag.
   The tag is that of the latest publication, which the next one often has as well. */
PyObject *publication_of(PyTypeObject *type, PyObject **tag, const char *data, Py_ssize_t size);

/* --- envelope.c --- */

/* The module's function that takes a request apart; and have it ready: -1 with an exception. */
PyObject *read_envelope(PyObject *self, PyObject *frames);
int import_envelope(void);

/* --- inbox.c --- */

/* The items are those of the list from `next` on; what lies before has been taken. */
typedef struct {
    PyObject_HEAD
    Ownership *ownership;
    PyObject *items, *claims;
    Py_ssize_t next, end;
} Inbox;

extern PyObject *inbox_type;
int add_inbox(PyObject *module);

/* Whether whoever asks may take the oldest item; and that item, which is there, as a new reference. */
int may_take(Inbox *inbox);
PyObject *take_oldest(Inbox *inbox);

/* --- items.c --- */

int add_items(PyObject *module);

/* --- send.c --- */

/* A libzmq socket. */
typedef struct {
    PyObject_HEAD
    void *socket;
    char closed;        /* other code closed it: it is touched no more */
    char tells_room;    /* POLLOUT means that a send would succeed */
    char swallows;      /* it swallows the rest of a message whose pipe died */
    char lends;         /* large frames are sent without a copy */
    char input_pending; /* the latest read of EVENTS said that there is something to receive */
    char notes_sources; /* each message is a Traced, which says by which descriptor it came... */
    char notes_origins; /* ...or whose it is... */
    char judged;        /* ...as far as each peer was judged */
    char begun;         /* the message that is being read has more frames */
    PyObject *message;  /* what there is of it; NULL where it is left out */
    Py_ssize_t too_many, too_large; /* messages that were left out: too many frames, no memory */
    PyObject *failed;   /* called with a message and an errno, it raises what that means */
    PyObject *origin;   /* whose the latest message was, or NULL */
} Port;

/* The value of EVENTS, or the errno as a negative number. */
int port_events(Port *port);

/* Raise what an errno means for a message, which may be NULL; return -1. */
int port_failed(Port *port, PyObject *message, int number);

/* How many frames a message has, or -1 with an exception; and one of them where it is a list or a tuple, borrowed: no
   code of Python's runs for it. */
Py_ssize_t count_frames(PyObject *message);
PyObject *frame_at(PyObject *message, Py_ssize_t index);

/* Send a message whole, if there is room: 1 where it was sent, 0 where it was refused, -1 with an exception. */
int port_send(Port *port, PyObject *message);
PyObject *port_send_method(PyObject *port, PyObject *message);

/* --- origin.c --- */

/* A new message, without frames, that knows by its first one whose it is and how it came; NULL with an exception. */
PyObject *new_traced(Port *port, zmq_msg_t *first);

/* --- receive.c --- */

int add_frame(PyObject *module);
PyObject *port_receive(PyObject *port, PyObject *args);

/* The next message, a list of bytes; and the next frame, which may be one of several of its message. They return NULL
   without an exception where there is none, and where libzmq's error is for others to name. */
PyObject *port_read_message(Port *port);
PyObject *port_read_frame(Port *port);

/* --- port.c --- */

extern PyObject *port_type;
int add_port(PyObject *module);

/* --- attempt.c --- */

typedef struct {
    PyObject_HEAD
    Port *port;
    Ownership *ownership;
    Turn *turn;
    Edge *edge;
    PyObject *lot, *lanes, *ended;
    Py_ssize_t sent;
} Attempt;

extern PyObject *attempt_type;
int add_attempt(PyObject *module);

/* Send a message as a caller gave it, where nothing is to be asked or waited for first; returns as port_send(). */
int attempt_at_once(Attempt *attempt, PyObject *message, PyObject *lane);

/* --- at_once.c --- */

int add_at_once(PyObject *module);

#endif
