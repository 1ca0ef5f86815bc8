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
    Port *port;
    zmq_msg_t frame;
    PyObject *messages;
    Py_ssize_t room, views_from, max_frames;
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

/* There is no memory for a message: it is left out, its rest as well, and the next ones are read. */
static void leave_out(Port *port)
{
    PyErr_Clear();
    Py_CLEAR(port->message);
    port->too_large++;
}

/* Add the frame that was read to its message, and that to the batch if it was the last. */
static void add_received(Batch *batch)
{
    Port *port = batch->port;
    zmq_msg_t *frame = &batch->frame;
    Py_ssize_t length = (Py_ssize_t)libzmq.msg_size(frame);
    int more = libzmq.msg_more(frame); /* a frame that a view has taken over does not tell any more */
    batch->room -= length + frame_cost;
    if (!port->begun) {
        if (batch->publication && !more && length < batch->views_from &&
            !is_reserved(libzmq.msg_data(frame), length)) {
            if (append(batch->messages,
                       publication_of(batch->publication, &batch->tag, libzmq.msg_data(frame), length)) < 0)
                leave_out(port);
            return;
        }
        port->begun = 1;
        if (!(port->message = port->notes_origins ? new_traced(port, frame) : PyList_New(0)))
            leave_out(port);
    }
    if (port->message) {
        if (PyList_Size(port->message) >= batch->max_frames) {
            Py_CLEAR(port->message);
            port->too_many++;
        } else if (append(port->message, length < batch->views_from
                                             ? PyBytes_FromStringAndSize(libzmq.msg_data(frame), length)
                                             : view_of(frame)) < 0)
            leave_out(port);
    }
    if (more)
        return;
    PyObject *message = port->message;
    port->begun = 0;
    port->message = NULL;
    if (message && append(batch->messages, message) < 0)
        leave_out(port);
}

/* Whether an instance of a class is a tuple and no more, as one of a class statement is: one that is made in C may have
   fields that are not counted, and would read them beyond its end. */
static int is_named_tuple(PyObject *type)
{
    return PyType_Check(type) && PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type) &&
           PyType_GetSlot((PyTypeObject *)type, Py_tp_dealloc) ==
               PyType_GetSlot((PyTypeObject *)connection_closed, Py_tp_dealloc);
}

/* Read so many messages at most; return the errno of what ended that, or 0. */
static int read_batch(Batch *batch, Py_ssize_t limit)
{
    int number = batch->port->closed ? ENOTSOCK : 0;
    libzmq.msg_init(&batch->frame);
    /* Up to Python 3.11 the garbage collector runs where a list is made, and with it code that might close the socket,
       or read the rest of the message that is being read. */
    int collects = PyGC_Disable();
    while (!number && batch->room > 0 && PyList_Size(batch->messages) < limit) {
        if (receive_frame(batch->port->socket, &batch->frame) < 0)
            number = libzmq.last_errno();
        else
            add_received(batch);
    }
    if (collects)
        PyGC_Enable();
    libzmq.msg_close(&batch->frame);
    Py_XDECREF(batch->tag);
    return number;
}

PyObject *port_receive(PyObject *self, PyObject *args)
{
    Port *port = (Port *)self;
    PyObject *single;
    Py_ssize_t limit;
    Batch batch = {0};
    if (!PyArg_ParseTuple(args, "nnnOn", &limit, &batch.room, &batch.views_from, &single, &batch.max_frames))
        return NULL;
    if (single != Py_None) {
        batch.publication = (PyTypeObject *)single;
        if (!is_named_tuple(single))
            return PyErr_Format(PyExc_TypeError, "publications are received as a named tuple, not as %R", single);
    }
    collect_returned();
    batch.port = port;
    /* Where memory ends, nothing that was read may be lost for the want of what it is returned in. */
    PyObject *result = PyTuple_New(2);
    if (!result || !(batch.messages = PyList_New(0))) {
        Py_XDECREF(result);
        return NULL;
    }
    int number = read_batch(&batch, limit);
    PyTuple_SetItem(result, 0, batch.messages);
    PyTuple_SetItem(result, 1, PyLong_FromLong(number));
    return result;
}

PyObject *port_read_message(Port *port)
{
    Batch batch = {.port = port, .room = PY_SSIZE_T_MAX, .views_from = PY_SSIZE_T_MAX, .max_frames = PY_SSIZE_T_MAX};
    collect_returned();
    if (!(batch.messages = PyList_New(0)))
        return NULL;
    read_batch(&batch, 1);
    PyObject *message = PyList_Size(batch.messages) ? Py_NewRef(PyList_GetItem(batch.messages, 0)) : NULL;
    Py_DECREF(batch.messages);
    if (!message && port->too_large) {
        port->too_large = 0;
        PyErr_SetString(PyExc_MemoryError, "there is no memory for a message, which is left out");
    }
    return message;
}

PyObject *port_read_frame(Port *port)
{
    zmq_msg_t frame;
    PyObject *data = NULL;
    if (port->closed || port->begun)
        return NULL;
    collect_returned();
    libzmq.msg_init(&frame);
    if (receive_frame(port->socket, &frame) >= 0)
        data = PyBytes_FromStringAndSize(libzmq.msg_data(&frame), (Py_ssize_t)libzmq.msg_size(&frame));
    libzmq.msg_close(&frame);
    return data;
}
