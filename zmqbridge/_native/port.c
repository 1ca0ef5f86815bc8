/* A libzmq socket: the twin of zmqbridge.socket.Socket, as far as the extension goes. */

#include "native.h"

PyObject *port_type;

static PyObject *events(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(port_events((Port *)self));
}

static PyObject *port_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *address, *failed;
    int tells_room, swallows;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "OppO", &address, &tells_room, &swallows, &failed))
        return NULL;
    void *socket = PyLong_AsVoidPtr(address);
    if (!socket) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "the address of the socket is zero");
        return NULL;
    }
    Port *port = (Port *)allocate((PyObject *)type);
    if (!port)
        return NULL;
    port->socket = socket;
    port->tells_room = (char)tells_room;
    port->swallows = (char)swallows;
    port->lends = 1;
    port->failed = Py_NewRef(failed);
    return (PyObject *)port;
}

static int port_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Port *)self)->failed);
    Py_VISIT(((Port *)self)->message);
    Py_VISIT(((Port *)self)->origin);
    return 0;
}

static int port_clear(PyObject *self)
{
    (void)self; /* what it calls to raise breaks every cycle */
    return 0;
}

static void port_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((Port *)self)->failed);
    Py_CLEAR(((Port *)self)->message);
    Py_CLEAR(((Port *)self)->origin);
    free_object(self);
}

static PyMethodDef port_methods[] = {
    {"receive", port_receive, METH_VARARGS, "receive(limit, cost, views_from, single, max_frames) -> (messages, errno)"},
    {"send", port_send_method, METH_O, "send(message) -> whether it was sent"},
    {"events", events, METH_NOARGS, "events() -> the value of EVENTS, or the errno as a negative number"},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef port_members[] = {
    {"closed", T_BOOL, offsetof(Port, closed), 0, "Other code closed the socket: it is touched no more."},
    {"too_many", T_PYSSIZET, offsetof(Port, too_many), 0, "Messages left out because they had too many frames."},
    {"too_large", T_PYSSIZET, offsetof(Port, too_large), 0, "Messages left out because there was no memory for them."},
    {"notes_origins", T_BOOL, offsetof(Port, notes_origins), 0, "Each message says whose it is."},
    {"judged", T_BOOL, offsetof(Port, judged), 0, "Each peer was judged; else nothing is known of it."},
    {"lends", T_BOOL, offsetof(Port, lends), 0, "Large frames are sent without a copy."},
    {"input_pending", T_BOOL, offsetof(Port, input_pending), READONLY, "What the latest read of EVENTS said."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot port_slots[] = {
    {Py_tp_new, (void *)port_new},
    {Py_tp_traverse, (void *)port_traverse},
    {Py_tp_clear, (void *)port_clear},
    {Py_tp_dealloc, (void *)port_dealloc},
    {Py_tp_methods, port_methods},
    {Py_tp_members, port_members},
    {Py_tp_doc, "Port(address, tells_room, swallows, failed): a libzmq socket."},
    {0, NULL},
};

static PyType_Spec port_spec = {
    "zmqbridge._native.speedups.Port", sizeof(Port), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, port_slots,
};

int add_port(PyObject *module)
{
    if (!port_type && !(port_type = PyType_FromSpec(&port_spec)))
        return -1;
    return PyModule_AddObjectRef(module, "Port", port_type);
}
