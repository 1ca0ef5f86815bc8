/* Reading a batch, and large frames that stay in libzmq's own buffer: the twin of zmqbridge.socket.Socket.receive(). */

#include "native.h"

/* --- frames that stay in libzmq's buffer --- */

typedef struct {
    PyObject_HEAD
    zmq_msg_t message;
} Frame;

static PyObject *frame_type;

static int frame_buffer(PyObject *self, Py_buffer *view, int flags)
{
    zmq_msg_t *message = &((Frame *)self)->message;
    return PyBuffer_FillInfo(view, self, libzmq.msg_data(message), (Py_ssize_t)libzmq.msg_size(message), 1, flags);
}

static void frame_dealloc(PyObject *self)
{
    libzmq.msg_close(&((Frame *)self)->message);
    free_object(self);
}

static PyType_Slot frame_slots[] = {
    {Py_bf_getbuffer, (void *)frame_buffer},
    {Py_tp_dealloc, (void *)frame_dealloc},
    {Py_tp_doc, "A frame's bytes in libzmq's own buffer, for as long as a memoryview of it lives."},
    {0, NULL},
};

static PyType_Spec frame_spec = {
    "zmqbridge._native.speedups.Frame", sizeof(Frame), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, frame_slots,
};

int add_frame(PyObject *module)
{
    if (!frame_type && !(frame_type = PyType_FromSpec(&frame_spec)))
        return -1;
    return PyModule_AddObjectRef(module, "Frame", frame_type);
}

/* Take the message over; it is empty then. */
static PyObject *view_of(zmq_msg_t *message)
{
    PyObject *frame = allocate(frame_type);
    if (!frame)
        return NULL;
    libzmq.msg_init(&((Frame *)frame)->message);
    libzmq.msg_move(&((Frame *)frame)->message, message);
    PyObject *view = PyMemoryView_FromObject(frame);
    Py_DECREF(frame);
    return view;
}

/* --- reading --- */

/* What is being read. */
typedef struct {
    void *socket;
    zmq_msg_t frame;
    PyObject *messages;
    Py_ssize_t views_from;
    PyTypeObject *publication; /* what a message of one frame is made into, or NULL */
    PyObject *tag;             /* that of the latest publication */
} Batch;

/* Read one frame; a signal is no reason to stop, for Python's handler runs when this call is over. */
static int receive_frame(void *socket, zmq_msg_t *frame)
{
    int size;
    do
        size = libzmq.msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (size < 0 && libzmq.last_errno() == EINTR);
    return size;
}

/* Read the rest of a message whose beginning could not be kept, so that the next one begins a message. */
static void skip_the_rest(void *socket, zmq_msg_t *frame, int more)
{
    while (more && receive_frame(socket, frame) >= 0)
        more = libzmq.msg_more(frame);
}

/* Append one message to the batch; return its cost, or -1 with errno, or -2 with an exception. */
static Py_ssize_t receive_one(Batch *batch)
{
    zmq_msg_t *frame = &batch->frame;
    if (receive_frame(batch->socket, frame) < 0)
        return -1;
    Py_ssize_t cost = 0, length = (Py_ssize_t)libzmq.msg_size(frame);
    int more = libzmq.msg_more(frame); /* a frame that a view has taken over does not tell any more */
    if (batch->publication && !more && length < batch->views_from) {
        PyObject *publication = publication_of(batch->publication, &batch->tag, libzmq.msg_data(frame), length);
        if (publication || PyErr_Occurred())
            return append(batch->messages, publication) < 0 ? -2 : length + frame_cost;
    }
    PyObject *message = PyList_New(0);
    while (message) {
        length = (Py_ssize_t)libzmq.msg_size(frame);
        if (append(message, length < batch->views_from ? PyBytes_FromStringAndSize(libzmq.msg_data(frame), length)
                                                       : view_of(frame)) < 0)
            break;
        cost += length + frame_cost;
        if (!more)
            return append(batch->messages, message) < 0 ? -2 : cost;
        /* The rest of a message is always there with its first frame. */
        if (receive_frame(batch->socket, frame) < 0) {
            Py_DECREF(message);
            return -1;
        }
        more = libzmq.msg_more(frame);
    }
    Py_XDECREF(message);
    skip_the_rest(batch->socket, frame, more);
    return -2;
}

/* Whether an instance of a class is a tuple and no more, as one of a class statement is: one that is made in C may have
   fields that are not counted, and would read them beyond its end. */
static int is_named_tuple(PyObject *type)
{
    return PyType_Check(type) && PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type) &&
           PyType_GetSlot((PyTypeObject *)type, Py_tp_dealloc) ==
               PyType_GetSlot((PyTypeObject *)connection_closed, Py_tp_dealloc);
}

PyObject *port_receive(PyObject *self, PyObject *args)
{
    Port *port = (Port *)self;
    PyObject *single;
    Py_ssize_t limit, room;
    Batch batch = {0};
    if (!PyArg_ParseTuple(args, "nnnO", &limit, &room, &batch.views_from, &single))
        return NULL;
    if (single != Py_None) {
        batch.publication = (PyTypeObject *)single;
        if (!is_named_tuple(single))
            return PyErr_Format(PyExc_TypeError, "publications are received as a named tuple, not as %R", single);
    }
    collect_returned();
    batch.socket = port->socket;
    batch.messages = PyList_New(0);
    if (!batch.messages || port->closed)
        return batch.messages ? Py_BuildValue("(Ni)", batch.messages, ENOTSOCK) : NULL;
    libzmq.msg_init(&batch.frame);
    /* Up to Python 3.11 the garbage collector runs where a list is made, and with it code that might close the socket,
       or read the rest of the message that is being read. */
    int collects = PyGC_Disable();
    Py_ssize_t cost = 0;
    for (; cost >= 0 && limit > 0 && room > 0; limit--) {
        cost = receive_one(&batch);
        room -= cost;
    }
    int number = cost == -1 ? libzmq.last_errno() : 0;
    if (collects)
        PyGC_Enable();
    libzmq.msg_close(&batch.frame);
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
