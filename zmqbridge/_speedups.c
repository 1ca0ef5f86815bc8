/* What the core asks of libzmq most often, each in one call: read a batch, send a batch, read EVENTS.

   The facts. Through pyzmq a message costs two or three calls of Python, and a frame an object
   of its own; libzmq itself needs a tenth of that. The messages are small and many.

   The consequence. A batch is worth one call that does the whole of it and makes nothing but the
   bytes and the lists that the program will have.

   The design. This module links to no libzmq. It is given the addresses of the functions that it
   calls, in the libzmq that pyzmq has loaded, so there is one libzmq in the process, and one wheel
   serves every later Python (the limited API). It knows no rule of the core: it says how far it came
   and with which errno, and zmqbridge._socket, which has a twin of each function in Python, goes on from
   there. It never waits, and holds the interpreter for one bounded batch.

   Large frames are not copied. A received one can be had as a memoryview of libzmq's own buffer, which
   a Frame keeps. One that is sent belongs to libzmq until its I/O thread lets go of it, and that thread may
   not touch Python: it puts the object on a list, and the next call here gives it back to Python. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* From zmq.h, which is not needed to build this: they are part of libzmq's stable ABI. */
typedef struct zmq_msg_t {
    unsigned char _[64];
} __attribute__((aligned(8))) zmq_msg_t;
/* As in zmqbridge/_socket.py. */
enum { FRAME_COST = 256 };
/* Copying fewer bytes than this costs less than sharing them. */
enum { SHARED_FROM = 65536 };
enum { ZMQ_DONTWAIT = 1, ZMQ_SNDMORE = 2, ZMQ_EVENTS = 15 };

static int (*msg_init)(zmq_msg_t *);
static int (*msg_recv)(zmq_msg_t *, void *, int);
static void *(*msg_data)(zmq_msg_t *);
static size_t (*msg_size)(const zmq_msg_t *);
static int (*msg_more)(const zmq_msg_t *);
static int (*msg_move)(zmq_msg_t *, zmq_msg_t *);
static int (*msg_close)(zmq_msg_t *);
static int (*msg_init_data)(zmq_msg_t *, void *, size_t, void (*)(void *, void *), void *);
static int (*msg_send)(zmq_msg_t *, void *, int);
static int (*send_copy)(void *, const void *, size_t, int);
static int (*get_option)(void *, int, void *, size_t *);
static int (*last_errno)(void);

static const struct {
    const char *name;
    void **address;
} functions[] = {
    {"zmq_msg_init", (void **)&msg_init},
    {"zmq_msg_recv", (void **)&msg_recv},
    {"zmq_msg_data", (void **)&msg_data},
    {"zmq_msg_size", (void **)&msg_size},
    {"zmq_msg_more", (void **)&msg_more},
    {"zmq_msg_move", (void **)&msg_move},
    {"zmq_msg_close", (void **)&msg_close},
    {"zmq_msg_init_data", (void **)&msg_init_data},
    {"zmq_msg_send", (void **)&msg_send},
    {"zmq_send", (void **)&send_copy},
    {"zmq_getsockopt", (void **)&get_option},
    {"zmq_errno", (void **)&last_errno},
};
enum { COUNT = sizeof functions / sizeof *functions };

static PyObject *use(PyObject *self, PyObject *addresses)
{
    void *found[COUNT];
    for (int i = 0; i < COUNT; i++) {
        PyObject *address = PyMapping_GetItemString(addresses, functions[i].name);
        if (!address)
            return NULL;
        found[i] = PyLong_AsVoidPtr(address);
        Py_DECREF(address);
        if (!found[i]) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError, "the address of %s is zero", functions[i].name);
            return NULL;
        }
    }
    for (int i = 0; i < COUNT; i++)
        *functions[i].address = found[i];
    Py_RETURN_NONE;
}

/* --- frames that stay in libzmq's buffer --- */

typedef struct {
    PyObject_HEAD
    zmq_msg_t message;
} Frame;

static PyObject *frame_type;

static int frame_buffer(PyObject *self, Py_buffer *view, int flags)
{
    zmq_msg_t *message = &((Frame *)self)->message;
    return PyBuffer_FillInfo(view, self, msg_data(message), (Py_ssize_t)msg_size(message), 1, flags);
}

static void frame_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    msg_close(&((Frame *)self)->message);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyType_Slot frame_slots[] = {
    {Py_bf_getbuffer, frame_buffer},
    {Py_tp_dealloc, frame_dealloc},
    {Py_tp_doc, "A frame's bytes in libzmq's own buffer, for as long as a memoryview of it lives."},
    {0, NULL},
};

static PyType_Spec frame_spec = {
    .name = "zmqbridge._speedups.Frame",
    .basicsize = sizeof(Frame),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = frame_slots,
};

/* Take the message over; it is empty then. */
static PyObject *view_of(zmq_msg_t *message)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)frame_type, Py_tp_alloc);
    PyObject *frame = allocate((PyTypeObject *)frame_type, 0);
    if (!frame)
        return NULL;
    msg_init(&((Frame *)frame)->message);
    msg_move(&((Frame *)frame)->message, message);
    PyObject *view = PyMemoryView_FromObject(frame);
    Py_DECREF(frame);
    return view;
}

/* --- objects that libzmq sends from, and has let go of --- */

typedef struct Lent {
    PyObject *object;
    struct Lent *next;
} Lent;

static Lent *returned;

/* libzmq's I/O thread calls this. */
static void give_back(void *data, void *hint)
{
    Lent *lent = hint;
    lent->next = __atomic_load_n(&returned, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&returned, &lent->next, lent, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

static void collect_returned(void)
{
    if (!__atomic_load_n(&returned, __ATOMIC_RELAXED))
        return;
    Lent *lent = __atomic_exchange_n(&returned, NULL, __ATOMIC_ACQUIRE);
    while (lent) {
        Lent *next = lent->next;
        Py_DECREF(lent->object);
        free(lent);
        lent = next;
    }
}

/* --- receiving --- */

/* Read one frame; a signal is no reason to stop, for Python's handler runs when this call is over. */
static int receive_frame(void *socket, zmq_msg_t *frame)
{
    int size;
    do
        size = msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (size < 0 && last_errno() == EINTR);
    return size;
}

/* Read the rest of a message whose beginning could not be kept, so that the next one begins a message. */
static void skip_the_rest(void *socket, zmq_msg_t *frame, int more)
{
    while (more && receive_frame(socket, frame) >= 0)
        more = msg_more(frame);
}

/* What is being read. */
typedef struct {
    void *socket;
    zmq_msg_t frame;
    PyObject *messages;
    Py_ssize_t views_from;
    PyTypeObject *publication; /* the named tuple, or NULL */
    PyObject *tag;             /* that of the latest publication, which the next one often has as well */
} Batch;

/* Append it, and let go of it; return -1 with an exception, also where it is one already. */
static int append(PyObject *list, PyObject *item)
{
    int appended = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return appended;
}

/* The named tuple of what stands before the end of the tag and behind it. */
static PyObject *publication_of(Batch *batch, const char *data, const char *end, Py_ssize_t size)
{
    Py_ssize_t length = end - data;
    char *latest;
    Py_ssize_t latest_length = -1;
    if (batch->tag)
        PyBytes_AsStringAndSize(batch->tag, &latest, &latest_length);
    if (latest_length != length || memcmp(latest, data, (size_t)length)) {
        PyObject *tag = PyBytes_FromStringAndSize(data, length);
        if (!tag)
            return NULL;
        Py_XDECREF(batch->tag);
        batch->tag = tag;
    }
    PyObject *message = PyBytes_FromStringAndSize(end + 1, size - length - 1);
    PyObject *publication = message ? PyType_GenericAlloc(batch->publication, 2) : NULL;
    if (!publication) {
        Py_XDECREF(message);
        return NULL;
    }
    PyTuple_SetItem(publication, 0, Py_NewRef(batch->tag));
    PyTuple_SetItem(publication, 1, message);
    return publication;
}

/* Append one message to the batch; return its cost, or -1 with errno, or -2 with an exception. */
static Py_ssize_t receive_one(Batch *batch)
{
    zmq_msg_t *frame = &batch->frame;
    if (receive_frame(batch->socket, frame) < 0)
        return -1;
    Py_ssize_t cost = 0, length = (Py_ssize_t)msg_size(frame);
    int more = msg_more(frame); /* a frame that a view has taken over does not tell any more */
    if (batch->publication && !more && length < batch->views_from) {
        const char *data = msg_data(frame), *end = memchr(data, 0, (size_t)length);
        if (end)
            return append(batch->messages, publication_of(batch, data, end, length)) < 0 ? -2 : length + FRAME_COST;
    }
    PyObject *message = PyList_New(0);
    while (message) {
        length = (Py_ssize_t)msg_size(frame);
        if (append(message, length < batch->views_from ? PyBytes_FromStringAndSize(msg_data(frame), length)
                                                       : view_of(frame)) < 0)
            break;
        cost += length + FRAME_COST;
        if (!more)
            return append(batch->messages, message) < 0 ? -2 : cost;
        /* The rest of a message is always there with its first frame. */
        if (receive_frame(batch->socket, frame) < 0) {
            Py_DECREF(message);
            return -1;
        }
        more = msg_more(frame);
    }
    Py_XDECREF(message);
    skip_the_rest(batch->socket, frame, more);
    return -2;
}

static PyObject *receive(PyObject *self, PyObject *args)
{
    PyObject *address, *publication;
    Py_ssize_t limit, room;
    Batch batch = {0};
    if (!PyArg_ParseTuple(args, "OnnnO", &address, &limit, &room, &batch.views_from, &publication))
        return NULL;
    batch.socket = PyLong_AsVoidPtr(address);
    if (!batch.socket && PyErr_Occurred())
        return NULL;
    if (publication != Py_None) {
        batch.publication = (PyTypeObject *)publication;
        if (!PyType_Check(publication) || !PyType_IsSubtype(batch.publication, &PyTuple_Type))
            return PyErr_Format(PyExc_TypeError, "publications are received as a named tuple, not as %R", publication);
    }
    collect_returned();
    batch.messages = PyList_New(0);
    if (!batch.messages)
        return NULL;
    msg_init(&batch.frame);
    /* Up to Python 3.11 the garbage collector runs where a list is made, and with it code that might close the socket,
       or read the rest of the message that is being read. */
    int collects = PyGC_Disable();
    Py_ssize_t cost = 0;
    for (; cost >= 0 && limit > 0 && room > 0; limit--) {
        cost = receive_one(&batch);
        room -= cost;
    }
    int number = cost == -1 ? last_errno() : 0;
    if (collects)
        PyGC_Enable();
    msg_close(&batch.frame);
    Py_XDECREF(batch.tag);
    if (cost == -2) {
        if (PyList_Size(batch.messages) == 0) {
            Py_DECREF(batch.messages);
            return NULL;
        }
        /* What was read is not lost for what there was no memory for. */
        PyErr_WriteUnraisable(NULL);
    }
    return Py_BuildValue("(Ni)", batch.messages, number);
}

/* --- sending --- */

/* Send a frame from the object's own memory, which libzmq keeps until it has sent it. Giving back what is no more than
   bytes runs no code of Python's. */
static int send_shared(void *socket, PyObject *object, void *data, size_t size, int flags)
{
    Lent *lent = malloc(sizeof *lent);
    zmq_msg_t message;
    if (!lent || msg_init_data(&message, data, size, give_back, lent) < 0) {
        free(lent);
        return send_copy(socket, data, size, flags);
    }
    Py_INCREF(object);
    lent->object = object;
    int sent = msg_send(&message, socket, flags);
    if (sent < 0) {
        int number = last_errno();
        msg_close(&message);
        errno = number;
    }
    return sent;
}

/* Send one frame; return the errno, or -1 with an exception. */
static int send_frame(void *socket, PyObject *frame, int flags)
{
    char *data;
    Py_ssize_t length;
    int sent;
    if (PyBytes_AsStringAndSize(frame, &data, &length) < 0)
        return -1;
    do
        sent = length < SHARED_FROM || !PyBytes_CheckExact(frame)
                   ? send_copy(socket, data, (size_t)length, flags)
                   : send_shared(socket, frame, data, (size_t)length, flags);
    while (sent < 0 && last_errno() == EINTR);
    return sent < 0 ? last_errno() : 0;
}

/* Send one message, bytes or a list or tuple of them; return as send_frame does, and how many frames libzmq took. */
static int send_one(void *socket, PyObject *message, Py_ssize_t *taken)
{
    *taken = 0;
    if (PyBytes_CheckExact(message))
        return send_frame(socket, message, ZMQ_DONTWAIT);
    Py_ssize_t count = PySequence_Size(message);
    if (count < 0)
        return -1;
    for (; *taken < count; ++*taken) {
        PyObject *frame = PySequence_GetItem(message, *taken);
        if (!frame)
            return -1;
        int number = send_frame(socket, frame, ZMQ_DONTWAIT | (*taken < count - 1 ? ZMQ_SNDMORE : 0));
        Py_DECREF(frame);
        if (number)
            return number;
    }
    return 0;
}

static PyObject *send_message(PyObject *self, PyObject *args)
{
    PyObject *address, *message;
    if (!PyArg_ParseTuple(args, "OO", &address, &message))
        return NULL;
    void *socket = PyLong_AsVoidPtr(address);
    Py_ssize_t taken;
    if (!socket && PyErr_Occurred())
        return NULL;
    collect_returned();
    int number = send_one(socket, message, &taken);
    if (number < 0)
        return NULL;
    if (number == 0)
        Py_RETURN_NONE;
    return Py_BuildValue("(ni)", taken, number);
}

/* What it costs to send; 0 where send_one would call code of Python's for it. */
static Py_ssize_t cost_of(PyObject *message)
{
    if (PyBytes_CheckExact(message))
        return PyBytes_Size(message) + FRAME_COST;
    if (!PyList_CheckExact(message) && !PyTuple_CheckExact(message))
        return 0;
    Py_ssize_t cost = 0, count = PySequence_Size(message);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *frame = PySequence_GetItem(message, i);
        Py_XDECREF(frame);
        if (!frame || !PyBytes_CheckExact(frame))
            return 0;
        cost += PyBytes_Size(frame) + FRAME_COST;
    }
    return cost;
}

static PyObject *send_batch(PyObject *self, PyObject *args)
{
    PyObject *address, *messages;
    Py_ssize_t start, limit, room, taken = 0;
    if (!PyArg_ParseTuple(args, "OO!nnn", &address, &PyList_Type, &messages, &start, &limit, &room))
        return NULL;
    void *socket = PyLong_AsVoidPtr(address);
    if (!socket && PyErr_Occurred())
        return NULL;
    collect_returned();
    Py_ssize_t next = start, count = PyList_Size(messages);
    int number = 0;
    for (; next < count && limit > 0 && room > 0; next++, limit--) {
        PyObject *message = PyList_GetItem(messages, next);
        Py_ssize_t cost = cost_of(message);
        if (!cost)
            break;
        number = send_one(socket, message, &taken);
        if (number < 0)
            return NULL;
        if (number)
            break;
        room -= cost;
    }
    return Py_BuildValue("(nni)", next - start, number ? taken : 0, number);
}

static PyObject *events(PyObject *self, PyObject *address)
{
    void *socket = PyLong_AsVoidPtr(address);
    if (!socket && PyErr_Occurred())
        return NULL;
    int value = 0;
    size_t size = sizeof value;
    while (get_option(socket, ZMQ_EVENTS, &value, &size) < 0)
        if (last_errno() != EINTR)
            return PyLong_FromLong(-(long)last_errno());
    return PyLong_FromLong(value);
}

/* --- iteration: what is there is taken without a coroutine for each message --- */

/* What `async for` asks for the next item: the buffer of what is read ahead, whose first items are reserved for others,
   and the call that makes a coroutine to wait for one. */
typedef struct {
    PyObject_HEAD
    PyObject *buffer, *readiness, *wait, *take, *reserved;
} Items;

/* One item to come: at once, or from the coroutine, where another was faster. */
typedef struct {
    PyObject_HEAD
    Items *items;
    PyObject *waiting;
} Next;

static PyObject *items_type, *next_type;

static PyObject *allocate(PyObject *type)
{
    return ((allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc))((PyTypeObject *)type, 0);
}

/* Whether there is an item for whoever asks now; -1 with an exception. */
static int has_item(Items *items)
{
    Py_ssize_t there = PyObject_Size(items->buffer);
    if (there <= 0)
        return (int)there;
    PyObject *reserved = PyObject_GetAttr(items->readiness, items->reserved);
    if (!reserved)
        return -1;
    Py_ssize_t count = PyLong_AsSsize_t(reserved);
    Py_DECREF(reserved);
    return count == -1 && PyErr_Occurred() ? -1 : there > count;
}

static PyObject *items_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *buffer, *readiness, *wait;
    if (!PyArg_ParseTuple(args, "OOO", &buffer, &readiness, &wait))
        return NULL;
    Items *items = (Items *)allocate((PyObject *)type);
    if (!items)
        return NULL;
    items->buffer = Py_NewRef(buffer);
    items->readiness = Py_NewRef(readiness);
    items->wait = Py_NewRef(wait);
    /* A new string for each would take a place of its own in the interpreter's cache of attributes, and keep it. */
    PyObject *popleft = PyUnicode_InternFromString("popleft");
    items->take = popleft ? PyObject_GetAttr(buffer, popleft) : NULL;
    Py_XDECREF(popleft);
    items->reserved = PyUnicode_InternFromString("reserved");
    if (!items->take || !items->reserved) {
        Py_DECREF(items);
        return NULL;
    }
    return (PyObject *)items;
}

static int items_traverse(PyObject *self, visitproc visit, void *arg)
{
    Items *items = (Items *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(items->buffer);
    Py_VISIT(items->readiness);
    Py_VISIT(items->wait);
    Py_VISIT(items->take);
    return 0;
}

static int items_clear(PyObject *self)
{
    Items *items = (Items *)self;
    Py_CLEAR(items->buffer);
    Py_CLEAR(items->readiness);
    Py_CLEAR(items->wait);
    Py_CLEAR(items->take);
    return 0;
}

static void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static void items_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    items_clear(self);
    Py_CLEAR(((Items *)self)->reserved);
    free_object(self);
}

/* The memory of one, for the next: most live for one step of a loop. */
static PyObject *spare_next;

static PyObject *next_new(Items *items)
{
    PyObject *self = spare_next;
    if (self) {
        spare_next = NULL;
        PyObject_Init(self, (PyTypeObject *)next_type);
    } else if (!(self = allocate(next_type)))
        return NULL;
    PyObject_GC_UnTrack(self);
    ((Next *)self)->items = (Items *)Py_NewRef((PyObject *)items);
    ((Next *)self)->waiting = NULL;
    PyObject_GC_Track(self);
    return self;
}

/* It has no tp_clear, as a tuple has none: what waits, or the iterator, breaks every cycle. */
static int next_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Next *)self)->items);
    Py_VISIT(((Next *)self)->waiting);
    return 0;
}

static void next_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_DECREF(((Next *)self)->items);
    Py_XDECREF(((Next *)self)->waiting);
    if (spare_next) {
        free_object(self);
        return;
    }
    spare_next = self;
    Py_DECREF(next_type);
}

static PyObject *items_next(PyObject *self)
{
    Items *items = (Items *)self;
    int there = has_item(items);
    if (there < 0)
        return NULL;
    if (!there)
        return PyObject_CallNoArgs(items->wait);
    return next_new(items);
}

static PySendResult next_send(PyObject *self, PyObject *value, PyObject **result)
{
    Next *next = (Next *)self;
    *result = NULL;
    if (!next->waiting) {
        int there = has_item(next->items);
        if (there > 0)
            *result = PyObject_CallNoArgs(next->items->take);
        if (there)
            return *result ? PYGEN_RETURN : PYGEN_ERROR;
        next->waiting = PyObject_CallNoArgs(next->items->wait);
        if (!next->waiting)
            return PYGEN_ERROR;
    }
    return PyIter_Send(next->waiting, value, result);
}

static PyObject *next_step(PyObject *self, PyObject *value)
{
    PyObject *result;
    switch (next_send(self, value, &result)) {
    case PYGEN_NEXT:
        return result;
    case PYGEN_RETURN: {
        PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
        Py_DECREF(result);
        if (stop)
            PyErr_SetObject(PyExc_StopIteration, stop);
        Py_XDECREF(stop);
        return NULL;
    }
    default:
        return NULL;
    }
}

static PyObject *next_iternext(PyObject *self)
{
    return next_step(self, Py_None);
}

static PyObject *next_throw(PyObject *self, PyObject *args)
{
    Next *next = (Next *)self;
    if (!next->waiting && !(next->waiting = PyObject_CallNoArgs(next->items->wait)))
        return NULL;
    PyObject *function = PyObject_GetAttrString(next->waiting, "throw");
    PyObject *result = function ? PyObject_CallObject(function, args) : NULL;
    Py_XDECREF(function);
    return result;
}

static PyObject *next_close(PyObject *self, PyObject *unused)
{
    Next *next = (Next *)self;
    if (next->waiting)
        return PyObject_CallMethod(next->waiting, "close", NULL);
    Py_RETURN_NONE;
}

static PyObject *itself(PyObject *self)
{
    return Py_NewRef(self);
}

/* All of collections.abc.Coroutine: a loop can make a task of it, as of the coroutine where there is no item yet. */
static PyMethodDef next_methods[] = {
    {"send", next_step, METH_O, "As a coroutine's."},
    {"throw", next_throw, METH_VARARGS, "As a coroutine's."},
    {"close", next_close, METH_NOARGS, "As a coroutine's."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot items_slots[] = {
    {Py_am_aiter, itself},
    {Py_am_anext, items_next},
    {Py_tp_new, items_new},
    {Py_tp_traverse, items_traverse},
    {Py_tp_clear, items_clear},
    {Py_tp_dealloc, items_dealloc},
    {Py_tp_doc, "Items(buffer, readiness, wait): an asynchronous iterator."},
    {0, NULL},
};

static PyType_Slot next_slots[] = {
    {Py_am_await, itself},
    {Py_am_send, next_send},
    {Py_tp_iter, itself},
    {Py_tp_iternext, next_iternext},
    {Py_tp_methods, next_methods},
    {Py_tp_traverse, next_traverse},
    {Py_tp_dealloc, next_dealloc},
    {0, NULL},
};

static PyType_Spec items_spec = {
    .name = "zmqbridge._speedups.Items",
    .basicsize = sizeof(Items),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = items_slots,
};

static PyType_Spec next_spec = {
    .name = "zmqbridge._speedups.Next",
    .basicsize = sizeof(Next),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC,
    .slots = next_slots,
};

static PyMethodDef methods[] = {
    {"use", use, METH_O, "use(addresses): take the functions of libzmq from these addresses, by name."},
    {"receive", receive, METH_VARARGS, "receive(socket, limit, bytes, views_from, publication) -> (messages, errno)"},
    {"send", send_message, METH_VARARGS, "send(socket, message) -> None, or (frames taken, errno)"},
    {"send_batch", send_batch, METH_VARARGS,
     "send_batch(socket, messages, start, limit, bytes) -> (messages sent, frames taken of the next, errno)"},
    {"events", events, METH_O, "events(socket) -> the value of ZMQ_EVENTS, or the errno as a negative number"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_speedups", .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__speedups(void)
{
    if (!frame_type && !(frame_type = PyType_FromSpec(&frame_spec)))
        return NULL;
    if (!items_type && !(items_type = PyType_FromSpec(&items_spec)))
        return NULL;
    if (!next_type && !(next_type = PyType_FromSpec(&next_spec)))
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddObjectRef(module, "Items", items_type) < 0)
        Py_CLEAR(module);
    return module;
}
