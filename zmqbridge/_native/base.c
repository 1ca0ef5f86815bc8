/* What all the others stand on: libzmq's functions, the constants, and objects of types made from a specification. */

#include "native.h"

Libzmq libzmq;
Py_ssize_t frame_cost, shared_from;
static PyObject *reserved;
PyObject *frames_of, *nothing, *zmqbridge_error, *connection_closed, *context_terminated, *origin_type, *traced_type;

static const struct {
    const char *name;
    size_t place;
} functions[] = {
    {"zmq_msg_init", offsetof(Libzmq, msg_init)},
    {"zmq_msg_init_size", offsetof(Libzmq, msg_init_size)},
    {"zmq_msg_recv", offsetof(Libzmq, msg_recv)},
    {"zmq_msg_data", offsetof(Libzmq, msg_data)},
    {"zmq_msg_size", offsetof(Libzmq, msg_size)},
    {"zmq_msg_more", offsetof(Libzmq, msg_more)},
    {"zmq_msg_move", offsetof(Libzmq, msg_move)},
    {"zmq_msg_close", offsetof(Libzmq, msg_close)},
    {"zmq_msg_gets", offsetof(Libzmq, msg_gets)},
    {"zmq_msg_init_data", offsetof(Libzmq, msg_init_data)},
    {"zmq_msg_send", offsetof(Libzmq, msg_send)},
    {"zmq_send", offsetof(Libzmq, send)},
    {"zmq_getsockopt", offsetof(Libzmq, getsockopt)},
    {"zmq_errno", offsetof(Libzmq, last_errno)},
};
enum { COUNT = sizeof functions / sizeof *functions };

PyObject *use(PyObject *self, PyObject *args)
{
    PyObject *addresses;
    PyObject *tags;
    Py_ssize_t cost, shared;
    Libzmq found;
    (void)self;
    if (!PyArg_ParseTuple(args, "OnnS", &addresses, &cost, &shared, &tags))
        return NULL;
    for (int i = 0; i < COUNT; i++) {
        PyObject *given = PyMapping_GetItemString(addresses, functions[i].name);
        if (!given)
            return NULL;
        void *address = PyLong_AsVoidPtr(given);
        Py_DECREF(given);
        if (!address) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError, "the address of %s is zero", functions[i].name);
            return NULL;
        }
        memcpy((char *)&found + functions[i].place, &address, sizeof address);
    }
    libzmq = found;
    frame_cost = cost;
    shared_from = shared;
    Py_XDECREF(reserved);
    reserved = Py_NewRef(tags);
    Py_RETURN_NONE;
}

int is_reserved(const char *data, Py_ssize_t size)
{
    Py_ssize_t length = PyBytes_Size(reserved);
    return size >= length && !memcmp(data, PyBytes_AsString(reserved), (size_t)length);
}

PyObject *allocate(PyObject *type)
{
    return ((allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc))((PyTypeObject *)type, 0);
}

void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* Keep an attribute of one of zmqbridge's own modules. */
static int import_name(PyObject **place, const char *module, const char *name)
{
    if (*place)
        return 0;
    PyObject *imported = PyImport_ImportModule(module);
    *place = imported ? PyObject_GetAttrString(imported, name) : NULL;
    Py_XDECREF(imported);
    return *place ? 0 : -1;
}

int import_names(void)
{
    if (import_name(&frames_of, "zmqbridge.framing", "frames_of") < 0 ||
        import_name(&nothing, "zmqbridge.waiting.inbox", "NOTHING") < 0 ||
        import_name(&origin_type, "zmqbridge.origins", "Origin") < 0 ||
        import_name(&traced_type, "zmqbridge.origins", "Traced") < 0 ||
        import_name(&zmqbridge_error, "zmqbridge.errors", "ZmqBridgeError") < 0 ||
        import_name(&connection_closed, "zmqbridge.errors", "ConnectionClosed") < 0)
        return -1;
    return import_name(&context_terminated, "zmqbridge.errors", "ContextTerminated");
}

int append(PyObject *list, PyObject *item)
{
    int appended = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return appended;
}
