/* Sending a message: the twin of zmqbridge.socket.Socket.send(). */

#include "native.h"

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

/* Send one frame; return the errno, or -1 with an exception. */
static int send_frame(void *socket, PyObject *frame, int flags)
{
    char *data;
    Py_ssize_t length;
    int sent;
    if (PyBytes_AsStringAndSize(frame, &data, &length) < 0)
        return -1;
    do
        sent = length < shared_from || !PyBytes_CheckExact(frame)
                   ? libzmq.send(socket, data, (size_t)length, flags)
                   : send_shared(socket, frame, data, (size_t)length, flags);
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

/* Send one message; return as send_frame does, and how many of its frames libzmq took. */
static int send_message(void *socket, PyObject *message, Py_ssize_t count, Py_ssize_t *taken)
{
    *taken = 0;
    if (PyBytes_Check(message))
        return send_frame(socket, message, ZMQ_DONTWAIT);
    for (; *taken < count; ++*taken) {
        PyObject *frame = frame_at(message, *taken);
        int number = frame ? send_frame(socket, frame, ZMQ_DONTWAIT | (*taken < count - 1 ? ZMQ_SNDMORE : 0)) : -1;
        if (number)
            return number;
    }
    return 0;
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
    Py_ssize_t taken, count = count_frames(message);
    if (count == 0)
        PyErr_SetString(PyExc_IndexError, "a message has one frame or more");
    if (count <= 0)
        return -1;
    collect_returned();
    for (int looked = 0;; looked = 1) {
        int number = port->closed ? ENOTSOCK : send_message(port->socket, message, count, &taken);
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
