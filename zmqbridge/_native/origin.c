/* Whose a message is, and how it came: the twin of zmqbridge.origins.origin_from(), and of what
   zmqbridge.socket.tracing asks libzmq. No code of Python's runs here: it might close the socket, or read on in the message that is being read. */

#include "native.h"

/* What a connection says of its peer, as text; None where it says nothing, or no text. */
static PyObject *property(Port *port, zmq_msg_t *frame, const char *name)
{
    const char *value = port->judged ? libzmq.msg_gets(frame, name) : NULL;
    if (!value || !*value)
        Py_RETURN_NONE;
    PyObject *text = PyUnicode_DecodeUTF8(value, (Py_ssize_t)strlen(value), NULL);
    if (text || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return text;
    PyErr_Clear();
    Py_RETURN_NONE;
}

/* Messages come from the same peer often: then both share one object. */
static PyObject *origin_of(Port *port, zmq_msg_t *frame)
{
    PyObject *user = property(port, frame, "User-Id"), *address = user ? property(port, frame, "Peer-Address") : NULL;
    if (address && port->origin && PyObject_RichCompareBool(PyTuple_GetItem(port->origin, 0), user, Py_EQ) == 1 &&
        PyObject_RichCompareBool(PyTuple_GetItem(port->origin, 1), address, Py_EQ) == 1) {
        Py_DECREF(user);
        Py_DECREF(address);
        return Py_NewRef(port->origin);
    }
    PyObject *origin = address ? PyType_GenericAlloc((PyTypeObject *)origin_type, 2) : NULL;
    if (!origin) {
        Py_XDECREF(user);
        Py_XDECREF(address);
        return NULL;
    }
    PyTuple_SetItem(origin, 0, user);
    PyTuple_SetItem(origin, 1, address);
    Py_XDECREF(port->origin);
    port->origin = Py_NewRef(origin);
    return origin;
}

/* The descriptor of the connection that a message came by, as zmq_msg_get() has it; None where there is none. */
static PyObject *descriptor_of(zmq_msg_t *frame)
{
    const char *descriptor = libzmq.msg_gets(frame, "__fd");
    if (!descriptor)
        Py_RETURN_NONE;
    return PyLong_FromLong(strtol(descriptor, NULL, 10));
}

/* Set an attribute; what it is set to is let go of, and NULL where that could not be made. */
static int set(PyObject *object, const char *text, PyObject **name, PyObject *value)
{
    int failed = !value || (!*name && !(*name = PyUnicode_InternFromString(text))) ||
                 PyObject_SetAttr(object, *name, value) < 0;
    Py_XDECREF(value);
    return failed ? -1 : 0;
}

PyObject *new_traced(Port *port, zmq_msg_t *first)
{
    static PyObject *origin, *fd;
    PyObject *message = PyObject_CallNoArgs(traced_type);
    if (!message || set(message, "origin", &origin, origin_of(port, first)) < 0 ||
        (port->notes_sources && set(message, "fd", &fd, descriptor_of(first)) < 0))
        Py_CLEAR(message);
    return message;
}
