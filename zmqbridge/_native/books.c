/* The twins of zmqbridge.waiting's guard, turn and edge: what a call on the socket asks and notes. */

#include "native.h"

/* --- Ownership: zmqbridge.waiting.guard --- */

PyObject *ownership_type, *turn_type, *edge_type;

int ownership_passes(Ownership *ownership)
{
    return ownership->owner == PyThread_get_thread_ident();
}

static PyMemberDef ownership_members[] = {
    {"owner", T_ULONG, offsetof(Ownership, owner), 0, "The thread's ident; 0 for none."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot ownership_slots[] = {
    {Py_tp_members, ownership_members},
    {Py_tp_doc, "Which thread may touch the socket now."},
    {0, NULL},
};

static PyType_Spec ownership_spec = {
    "zmqbridge._native.speedups.Ownership", sizeof(Ownership), 0, Py_TPFLAGS_DEFAULT, ownership_slots,
};

/* --- Turn: zmqbridge.waiting.turn --- */

static void begin_turn(Turn *turn)
{
    turn->number++;
    turn->reads = turn->sends = turn->limit;
}

static PyObject *turn_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    Py_ssize_t limit;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "n", &limit))
        return NULL;
    Turn *turn = (Turn *)allocate((PyObject *)type);
    if (turn)
        turn->limit = turn->reads = turn->sends = limit;
    return (PyObject *)turn;
}

static PyObject *turn_begin(PyObject *self, PyObject *unused)
{
    (void)unused;
    begin_turn((Turn *)self);
    Py_RETURN_NONE;
}

static PyObject *turn_unlimit(PyObject *self, PyObject *unused)
{
    (void)unused;
    ((Turn *)self)->limit = PY_SSIZE_T_MAX;
    begin_turn((Turn *)self);
    Py_RETURN_NONE;
}

static PyMethodDef turn_methods[] = {
    {"begin", turn_begin, METH_NOARGS, "The loop has run: everything may be done again."},
    {"unlimit", turn_unlimit, METH_NOARGS, "From now on somebody else bounds the turns."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef turn_members[] = {
    {"limit", T_PYSSIZET, offsetof(Turn, limit), 0, "Messages that one turn may read, and as many that it may send."},
    {"reads", T_PYSSIZET, offsetof(Turn, reads), 0, "How many it may still read."},
    {"sends", T_PYSSIZET, offsetof(Turn, sends), 0, "How many it may still send."},
    {"number", T_PYSSIZET, offsetof(Turn, number), 0, "Which turn it is."},
    {"lenient", T_BOOL, offsetof(Turn, lenient), 0, "An operation that need not wait makes no checkpoint."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot turn_slots[] = {
    {Py_tp_new, (void *)turn_new},
    {Py_tp_methods, turn_methods},
    {Py_tp_members, turn_members},
    {Py_tp_doc, "Turn(limit): what is left of one turn of the loop."},
    {0, NULL},
};

static PyType_Spec turn_spec = {
    "zmqbridge._native.speedups.Turn", sizeof(Turn), 0, Py_TPFLAGS_DEFAULT, turn_slots,
};

/* --- Edge: zmqbridge.waiting.edge --- */

int edge_touch(Edge *edge)
{
    static PyObject *wake;
    if (edge->stale)
        return 0;
    edge->stale = 1;
    PyObject *leader = edge->leader;
    if (!leader || leader == Py_None)
        return 0;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (!wake)
        wake = PyUnicode_InternFromString("wake");
    Py_INCREF(leader);
    PyObject *result = wake ? PyObject_CallMethodObjArgs(leader, wake, NULL) : NULL;
    Py_DECREF(leader);
    if (!result) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return -1;
    }
    Py_DECREF(result);
    PyErr_Restore(type, value, traceback);
    return 0;
}

static PyObject *edge_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)keywords;
    if (!PyArg_ParseTuple(args, ""))
        return NULL;
    Edge *edge = (Edge *)allocate((PyObject *)type);
    if (edge)
        edge->stale = 1;
    return (PyObject *)edge;
}

static PyObject *touch(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (edge_touch((Edge *)self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static int edge_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Edge *)self)->leader);
    return 0;
}

static int edge_clear(PyObject *self)
{
    Py_CLEAR(((Edge *)self)->leader);
    return 0;
}

static void edge_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    edge_clear(self);
    free_object(self);
}

static PyMethodDef edge_methods[] = {
    {"touch", touch, METH_NOARGS, "The socket was touched: the leader looks again before it waits."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef edge_members[] = {
    {"stale", T_BOOL, offsetof(Edge, stale), 0, "Some call may have eaten the edge since the last look."},
    {"leader", T_OBJECT, offsetof(Edge, leader), 0, "Who waits for the descriptor; None for nobody."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot edge_slots[] = {
    {Py_tp_new, (void *)edge_new},
    {Py_tp_traverse, (void *)edge_traverse},
    {Py_tp_clear, (void *)edge_clear},
    {Py_tp_dealloc, (void *)edge_dealloc},
    {Py_tp_methods, edge_methods},
    {Py_tp_members, edge_members},
    {Py_tp_doc, "What stands between a call on the socket and the leader's wait."},
    {0, NULL},
};

static PyType_Spec edge_spec = {
    "zmqbridge._native.speedups.Edge", sizeof(Edge), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, edge_slots,
};

int add_books(PyObject *module)
{
    if (!ownership_type && !(ownership_type = PyType_FromSpec(&ownership_spec)))
        return -1;
    if (!turn_type && !(turn_type = PyType_FromSpec(&turn_spec)))
        return -1;
    if (!edge_type && !(edge_type = PyType_FromSpec(&edge_spec)))
        return -1;
    if (PyModule_AddObjectRef(module, "Ownership", ownership_type) < 0 ||
        PyModule_AddObjectRef(module, "Turn", turn_type) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "Edge", edge_type);
}
