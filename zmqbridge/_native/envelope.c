/* Taking a request apart: the twin of zmqbridge.framing.read_envelope(), which reads whatever is not plain, and says
   what is wrong with it. */

#include "native.h"

static PyObject *envelope_type, *specification;
static Py_ssize_t frame_memory, max_envelope;

/* The index of the empty frame that ends the envelope; 0 where that, or what stands before it, is not plain. */
static Py_ssize_t end_of_envelope(PyObject *frames)
{
    Py_ssize_t count = PyList_Size(frames), memory = 0;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *frame = PyList_GetItem(frames, index);
        if (!PyBytes_CheckExact(frame))
            return 0;
        if (!PyBytes_Size(frame))
            return memory <= max_envelope ? index : 0;
        memory += PyBytes_Size(frame) + frame_memory;
    }
    return 0;
}

PyObject *read_envelope(PyObject *self, PyObject *frames)
{
    (void)self;
    Py_ssize_t end = PyList_CheckExact(frames) ? end_of_envelope(frames) : 0;
    if (!end)
        return PyObject_CallFunctionObjArgs(specification, frames, NULL);
    PyObject *id = Py_NewRef(PyList_GetItem(frames, end - 1));
    PyObject *route = PyList_GetSlice(frames, 0, end - 1);
    PyObject *parts = route ? PyList_GetSlice(frames, end + 1, PY_SSIZE_T_MAX) : NULL;
    PyObject *envelope = parts ? PyType_GenericAlloc((PyTypeObject *)envelope_type, 3) : NULL;
    if (!envelope) {
        Py_DECREF(id);
        Py_XDECREF(route);
        Py_XDECREF(parts);
        return NULL;
    }
    PyTuple_SetItem(envelope, 0, route);
    PyTuple_SetItem(envelope, 1, id);
    PyTuple_SetItem(envelope, 2, parts);
    return envelope;
}

/* A number of the module's; -1 with an exception. */
static Py_ssize_t number_of(PyObject *module, const char *name)
{
    PyObject *value = PyObject_GetAttrString(module, name);
    Py_ssize_t number = value ? PyLong_AsSsize_t(value) : -1;
    Py_XDECREF(value);
    return number;
}

int import_envelope(void)
{
    if (specification)
        return 0;
    PyObject *framing = PyImport_ImportModule("zmqbridge.framing");
    if (!framing)
        return -1;
    frame_memory = number_of(framing, "FRAME_MEMORY");
    max_envelope = frame_memory < 0 ? -1 : number_of(framing, "MAX_ENVELOPE");
    envelope_type = max_envelope < 0 ? NULL : PyObject_GetAttrString(framing, "Envelope");
    specification = envelope_type ? PyObject_GetAttrString(framing, "read_envelope") : NULL;
    Py_DECREF(framing);
    return specification ? 0 : -1;
}
