/* Sending a message: the twin of zmqbridge.socket.Socket.send(). */

#include "native.h"

/* Messages of more frames are sent from memory that is asked for. */
enum { FRAMES_AT_HAND = 8 };

int port_events(Port *port)
{
    int value = 0;
    size_t size = sizeof value;
    collect_returned();
    if (port->closed)
        return -ENOTSOCK;
    while (libzmq.getsockopt(port->socket, ZMQ_EVENTS, &value, &size) < 0)
        if (libzmq.last_errno() != EINTR)
            return -libzmq.last_errno();
    port->input_pending = (value & ZMQ_POLLIN) != 0;
    return value;
}

int port_failed(Port *port, PyObject *message, int number)
{
    PyObject *result = PyObject_CallFunction(port->failed, message && PyBytes_Check(message) ? "(O)i" : "Oi",
                                             message ? message : Py_None, number);
    if (result) {
        Py_DECREF(result);
        PyErr_Format(PyExc_SystemError, "libzmq's errno %d raised nothing", number);
    }
    return -1;
}

/* Send a frame that is ready; return the errno. It is as ready as before where it was not sent. */
static int send_prepared(void *socket, zmq_msg_t *prepared, int flags)
{
    int sent;
    do
        sent = libzmq.msg_send(prepared, socket, flags);
    while (sent < 0 && libzmq.last_errno() == EINTR);
    return sent < 0 ? libzmq.last_errno() : 0;
}

/* Whether a frame is large enough to be sent from its own memory, may be, and is made ready so. */
static int lends(Port *port, zmq_msg_t *prepared, PyObject *frame, char *data, Py_ssize_t length)
{
    return length >= shared_from && port->lends && (PyBytes_CheckExact(frame) || PyMemoryView_Check(frame)) &&
           !lend(prepared, frame, data, (size_t)length);
}

/* What is in a frame: bytes, or a memoryview, whose memory stays where it is as long as there is the view. */
static int read_frame(PyObject *frame, char **data, Py_ssize_t *length)
{
    if (!PyMemoryView_Check(frame))
        return PyBytes_AsStringAndSize(frame, data, length);
    Py_buffer view;
    if (PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE) < 0)
        return -1;
    *data = view.buf;
    *length = view.len;
    PyBuffer_Release(&view);
    return 0;
}

/* Send a message of one frame; return the errno, or -1 with an exception. */
static int send_bytes(Port *port, PyObject *frame)
{
    char *data;
    Py_ssize_t length;
    int sent;
    if (read_frame(frame, &data, &length) < 0)
        return -1;
    zmq_msg_t prepared;
    if (lends(port, &prepared, frame, data, length)) {
        int number = send_prepared(port->socket, &prepared, ZMQ_DONTWAIT);
        if (number)
            libzmq.msg_close(&prepared);
        return number;
    }
    do
        sent = libzmq.send(port->socket, data, (size_t)length, ZMQ_DONTWAIT);
    while (sent < 0 && libzmq.last_errno() == EINTR);
    return sent < 0 ? libzmq.last_errno() : 0;
}

/* A frame of a list or a tuple, borrowed; no code of Python's runs for it. */
PyObject *frame_at(PyObject *message, Py_ssize_t index)
{
    return PyList_Check(message) ? PyList_GetItem(message, index) : PyTuple_GetItem(message, index);
}

/* How many frames a message has; -1 with an exception where it is neither bytes nor a list or tuple. */
Py_ssize_t count_frames(PyObject *message)
{
    if (PyBytes_Check(message))
        return 1;
    if (PyList_Check(message))
        return PyList_Size(message);
    if (PyTuple_Check(message))
        return PyTuple_Size(message);
    PyErr_Format(PyExc_TypeError, "a message is bytes, or a list or tuple of them, not %R", Py_TYPE(message));
    return -1;
}

/* Have a frame ready to be sent, so that nothing of it can fail any more but libzmq's refusal; return as send_bytes. */
static int prepare(Port *port, zmq_msg_t *prepared, PyObject *frame)
{
    char *data;
    Py_ssize_t length;
    if (!frame || read_frame(frame, &data, &length) < 0)
        return -1;
    if (lends(port, prepared, frame, data, length))
        return 0;
    if (libzmq.msg_init_size(prepared, (size_t)length) < 0)
        return libzmq.last_errno();
    memcpy(libzmq.msg_data(prepared), data, (size_t)length);
    return 0;
}

/* Send a message of several frames; return as send_bytes, and how many of its frames libzmq took.
   All are ready before the first is sent: libzmq cannot take back what it has of a message, and would make what is sent
   next the rest of it. */
static int send_frames(Port *port, PyObject *message, Py_ssize_t count, Py_ssize_t *taken)
{
    zmq_msg_t at_hand[FRAMES_AT_HAND], *frames = at_hand;
    Py_ssize_t ready = 0;
    int number = 0;
    *taken = 0;
    if (count > FRAMES_AT_HAND && !(frames = malloc((size_t)count * sizeof *frames)))
        return ENOMEM;
    while (ready < count && !(number = prepare(port, frames + ready, frame_at(message, ready))))
        ready++;
    while (!number && *taken < count) {
        number = send_prepared(port->socket, frames + *taken, ZMQ_DONTWAIT | (*taken < count - 1 ? ZMQ_SNDMORE : 0));
        if (!number)
            ++*taken;
    }
    for (Py_ssize_t index = *taken; index < ready; index++)
        libzmq.msg_close(frames + index);
    if (frames != at_hand)
        free(frames);
    return number;
}

/* End a message that libzmq swallows, with its last frame; return the errno. */
static int end_message(void *socket)
{
    int sent;
    do
        sent = libzmq.send(socket, "", 0, ZMQ_DONTWAIT);
    while (sent < 0 && libzmq.last_errno() == EINTR);
    return sent < 0 ? libzmq.last_errno() : 0;
}

int port_send(Port *port, PyObject *message)
{
    Py_ssize_t taken = 0, count = count_frames(message);
    if (count == 0)
        PyErr_SetString(PyExc_IndexError, "a message has one frame or more");
    if (count <= 0)
        return -1;
    PyObject *only = PyBytes_Check(message) ? message : count == 1 ? frame_at(message, 0) : NULL;
    collect_returned();
    for (int looked = 0;; looked = 1) {
        int number = port->closed ? ENOTSOCK
                     : only       ? send_bytes(port, only)
                                  : send_frames(port, message, count, &taken);
        if (number <= 0)
            return number < 0 ? -1 : 1;
        if (number != EAGAIN)
            return port_failed(port, message, number);
        /* What libzmq has of it is dropped with its pipe; the rest is swallowed up to its last frame. */
        if (port->swallows && 0 < taken && taken < count - 1 && (number = end_message(port->socket)))
            return port_failed(port, message, number);
        int value = port_events(port);
        if (value < 0)
            return port_failed(port, message, -value);
        if (!(value & ZMQ_POLLOUT) || (looked && !port->tells_room))
            return 0;
    }
}

PyObject *port_send_method(PyObject *port, PyObject *message)
{
    int sent = port_send((Port *)port, message);
    return sent < 0 ? NULL : PyBool_FromLong(sent);
}
