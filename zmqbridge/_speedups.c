/* What the core asks of libzmq most often, each in one call: read a batch, send a batch, read EVENTS.

   The facts. Through pyzmq a message costs two or three calls of Python, and a frame an object
   of its own; libzmq itself needs a tenth of that. The messages are small and many.

   The consequence. A batch is worth one call that does the whole of it and makes nothing but the
   bytes and the lists that the program will have.

   The design. This module links to no libzmq. It is given the addresses of the functions that it
   calls, in the libzmq that pyzmq has loaded, so there is one libzmq in the process, and one wheel
   serves every later Python (the limited API). It knows no rule of the core: it says how far it came
   and with which errno, and zmqbridge._socket, which has a twin of each function in Python, goes on from
   there. It never waits, and holds the interpreter for one bounded batch. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* From zmq.h, which is not needed to build this: they are part of libzmq's stable ABI. */
typedef struct zmq_msg_t {
    unsigned char _[64];
} __attribute__((aligned(8))) zmq_msg_t;
/* As in zmqbridge/_socket.py. */
enum { FRAME_COST = 256 };
enum { ZMQ_DONTWAIT = 1, ZMQ_SNDMORE = 2, ZMQ_EVENTS = 15 };

static int (*msg_init)(zmq_msg_t *);
static int (*msg_recv)(zmq_msg_t *, void *, int);
static void *(*msg_data)(zmq_msg_t *);
static size_t (*msg_size)(const zmq_msg_t *);
static int (*msg_more)(const zmq_msg_t *);
static int (*msg_close)(zmq_msg_t *);
static int (*send_copy)(void *, const void *, size_t, int);
static int (*get_option)(void *, int, void *, size_t *);
static int (*last_errno)(void);

static const char *const names[] = {"zmq_msg_init", "zmq_msg_recv",  "zmq_msg_data", "zmq_msg_size", "zmq_msg_more",
                                    "zmq_msg_close", "zmq_send", "zmq_getsockopt", "zmq_errno"};
static void **const functions[] = {(void **)&msg_init,  (void **)&msg_recv,  (void **)&msg_data,
                                   (void **)&msg_size,  (void **)&msg_more,  (void **)&msg_close,
                                   (void **)&send_copy, (void **)&get_option, (void **)&last_errno};
enum { COUNT = sizeof names / sizeof *names };

static PyObject *use(PyObject *self, PyObject *addresses)
{
    for (int i = 0; i < COUNT; i++) {
        PyObject *address = PyMapping_GetItemString(addresses, names[i]);
        if (!address)
            return NULL;
        *functions[i] = PyLong_AsVoidPtr(address);
        Py_DECREF(address);
        if (!*functions[i]) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError, "the address of %s is zero", names[i]);
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

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
static void skip_the_rest(void *socket, zmq_msg_t *frame)
{
    while (msg_more(frame) && receive_frame(socket, frame) >= 0)
        ;
}

/* Append one message to the batch; return its cost, or -1 with errno, or -2 with an exception. */
static Py_ssize_t receive_one(void *socket, zmq_msg_t *frame, PyObject *batch)
{
    if (receive_frame(socket, frame) < 0)
        return -1;
    Py_ssize_t size = 0;
    PyObject *message = PyList_New(0);
    while (message) {
        Py_ssize_t length = (Py_ssize_t)msg_size(frame);
        PyObject *data = PyBytes_FromStringAndSize(msg_data(frame), length);
        int appended = data ? PyList_Append(message, data) : -1;
        Py_XDECREF(data);
        if (appended < 0)
            break;
        size += length + FRAME_COST;
        if (!msg_more(frame)) {
            appended = PyList_Append(batch, message);
            Py_DECREF(message);
            return appended < 0 ? -2 : size;
        }
        /* The rest of a message is always there with its first frame. */
        if (receive_frame(socket, frame) < 0) {
            Py_DECREF(message);
            return -1;
        }
    }
    Py_XDECREF(message);
    skip_the_rest(socket, frame);
    return -2;
}

static PyObject *receive(PyObject *self, PyObject *args)
{
    PyObject *address;
    Py_ssize_t limit, room;
    if (!PyArg_ParseTuple(args, "Onn", &address, &limit, &room))
        return NULL;
    void *socket = PyLong_AsVoidPtr(address);
    if (!socket && PyErr_Occurred())
        return NULL;
    PyObject *batch = PyList_New(0);
    if (!batch)
        return NULL;
    zmq_msg_t frame;
    msg_init(&frame);
    int number = 0;
    for (; limit > 0 && room > 0; limit--) {
        Py_ssize_t size = receive_one(socket, &frame, batch);
        if (size == -2) {
            if (PyList_Size(batch) == 0) {
                Py_DECREF(batch);
                msg_close(&frame);
                return NULL;
            }
            /* What was read is not lost for what there was no memory for. */
            PyErr_WriteUnraisable(NULL);
            break;
        }
        if (size < 0) {
            number = last_errno();
            break;
        }
        room -= size;
    }
    msg_close(&frame);
    return Py_BuildValue("(Ni)", batch, number);
}

/* Send one message; return the errno, and the number of frames that libzmq took. */
static int send_one(void *socket, PyObject *frames, Py_ssize_t *taken)
{
    Py_ssize_t count = PySequence_Size(frames);
    *taken = 0;
    if (count < 0)
        return -1;
    for (*taken = 0; *taken < count; ++*taken) {
        PyObject *frame = PySequence_GetItem(frames, *taken);
        char *data;
        Py_ssize_t length;
        if (!frame)
            return -1;
        if (PyBytes_AsStringAndSize(frame, &data, &length) < 0) {
            Py_DECREF(frame);
            return -1;
        }
        int flags = ZMQ_DONTWAIT | (*taken < count - 1 ? ZMQ_SNDMORE : 0);
        int sent;
        do
            sent = send_copy(socket, data, (size_t)length, flags);
        while (sent < 0 && last_errno() == EINTR);
        Py_DECREF(frame);
        if (sent < 0)
            return last_errno();
    }
    return 0;
}

static PyObject *send_message(PyObject *self, PyObject *args)
{
    PyObject *address, *frames;
    if (!PyArg_ParseTuple(args, "OO", &address, &frames))
        return NULL;
    void *socket = PyLong_AsVoidPtr(address);
    Py_ssize_t taken;
    if (!socket && PyErr_Occurred())
        return NULL;
    int number = send_one(socket, frames, &taken);
    if (number < 0)
        return NULL;
    return Py_BuildValue("(ni)", taken, number);
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

static PyMethodDef methods[] = {
    {"use", use, METH_O, "use(addresses): take the functions of libzmq from these addresses, by name."},
    {"receive", receive, METH_VARARGS, "receive(socket, limit, bytes) -> (messages, errno)"},
    {"send", send_message, METH_VARARGS, "send(socket, frames) -> (frames taken, errno)"},
    {"events", events, METH_O, "events(socket) -> the value of ZMQ_EVENTS, or the errno as a negative number"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_speedups", .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__speedups(void)
{
    return PyModule_Create(&definition);
}
