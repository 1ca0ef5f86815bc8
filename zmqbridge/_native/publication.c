/* Publications: the twin of zmqbridge.framing.split(), and of what zmqbridge.protocols makes of it. */

#include "native.h"

/* The rule of tags: the first zero byte ends the tag. NULL where there is none, and all is message. */
static const char *end_of_tag(const char *data, Py_ssize_t size)
{
    return size ? memchr(data, 0, (size_t)size) : NULL;
}

PyObject *publication_of(PyTypeObject *type, PyObject **tag, const char *data, Py_ssize_t size)
{
    const char *end = end_of_tag(data, size);
    Py_ssize_t length = end ? end - data : 0, latest_length = -1;
    Py_ssize_t head = end ? length + 1 : 0;
    char *latest = NULL;
    if (*tag)
        PyBytes_AsStringAndSize(*tag, &latest, &latest_length);
    if (latest_length != length || memcmp(latest, data, (size_t)length)) {
        PyObject *fresh = PyBytes_FromStringAndSize(data, length);
        if (!fresh)
            return NULL;
        Py_XDECREF(*tag);
        *tag = fresh;
    }
    PyObject *message = PyBytes_FromStringAndSize(data + head, size - head);
    PyObject *publication = message ? PyType_GenericAlloc(type, 2) : NULL;
    if (!publication) {
        Py_XDECREF(message);
        return NULL;
    }
    PyTuple_SetItem(publication, 0, Py_NewRef(*tag));
    PyTuple_SetItem(publication, 1, message);
    return publication;
}

