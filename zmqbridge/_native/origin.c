/* Whose a message is: the twin of zmqbridge.origins.origin_from(), and of what zmqbridge.socket.tracing asks libzmq. No
   code of Python's runs here: it might close the socket, or read on in the message that is being read. */

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

PyObject *new_traced(Port *port, zmq_msg_t *first)
{
    PyObject *message = PyObject_CallNoArgs(traced_type), *origin = message ? origin_of(port, first) : NULL;
    if (!origin || PyObject_SetAttrString(message, "origin", origin) < 0)
        Py_CLEAR(message);
    Py_XDECREF(origin);
    return message;
}
