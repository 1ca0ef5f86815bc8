/* What need not wait, as futures that are done: the twin of zmqbridge_asyncio.at_once. */

#include "native.h"

typedef struct {
    PyObject_HEAD
    Attempt *attempt;
    Port *port;
    Ownership *ownership;
    Turn *turn;
    Edge *edge;
    PyObject *make, *last; /* they make futures */
    PyObject *is_running;  /* the loop's method, or NULL where there was no loop so far */
    PyObject *of_loop;     /* what a future is made with: the loop, by its name */
    char flows, spent;
} AtOnce;

/* Whether the loop runs; -1 with an exception. */
static int runs(AtOnce *at_once)
{
    if (!at_once->is_running)
        return 0;
    PyObject *answer = PyObject_CallNoArgs(at_once->is_running);
    int running = answer == Py_True ? 1 : answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return running;
}

static PyObject *new_future(AtOnce *at_once)
{
    PyObject *nothing_else = PyTuple_New(0);
    PyObject *future = nothing_else ? PyObject_Call(at_once->make, nothing_else, at_once->of_loop) : NULL;
    Py_XDECREF(nothing_else);
    return future;
}

/* Set the result of a future, which is NULL where it could not be made; return it, or NULL with an exception. */
static PyObject *complete(PyObject *future, PyObject *result)
{
    static PyObject *set_result;
    PyObject *set = NULL;
    if (future && (set_result || (set_result = PyUnicode_InternFromString("set_result"))))
        set = PyObject_CallMethodObjArgs(future, set_result, result, NULL);
    if (!set)
        Py_CLEAR(future);
    Py_XDECREF(set);
    return future;
}

/* --- sending --- */

static PyObject *sent(PyObject *self, PyObject *result)
{
    AtOnce *at_once = (AtOnce *)self;
    at_once->turn->sends--;
    return complete(at_once->turn->sends > 0 ? new_future(at_once) : PyObject_CallNoArgs(at_once->last), result);
}

static PyObject *send(AtOnce *at_once, PyObject *message)
{
    int may = at_once->spent ? 0 : runs(at_once);
    if (may <= 0)
        return may < 0 ? NULL : Py_NewRef(Py_None);
    int outcome = attempt_at_once(at_once->attempt, message, Py_None);
    if (outcome > 0)
        return sent((PyObject *)at_once, Py_None);
    if (outcome < 0) {
        if (!PyErr_ExceptionMatches(zmqbridge_error) && !PyErr_ExceptionMatches(PyExc_TypeError))
            return NULL;
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

static PyObject *send_frame(PyObject *self, PyObject *frame)
{
    return PyBytes_CheckExact(frame) ? send((AtOnce *)self, frame) : Py_NewRef(Py_None);
}

static PyObject *send_message(PyObject *self, PyObject *frames)
{
    if (PyList_CheckExact(frames) || PyTuple_CheckExact(frames)) {
        Py_ssize_t count = count_frames(frames);
        if (count > 0 && PyBytes_CheckExact(frame_at(frames, count - 1)))
            return send((AtOnce *)self, frames);
    }
    Py_RETURN_NONE;
}

/* --- receiving --- */

static PyObject *take(AtOnce *at_once, PyObject *(*read)(Port *))
{
    int may = at_once->flows && at_once->turn->reads > 0 && ownership_passes(at_once->ownership) ? runs(at_once) : 0;
    if (may <= 0)
        return may < 0 ? NULL : Py_NewRef(Py_None);
    PyObject *future = new_future(at_once);
    if (!future)
        return NULL;
    PyObject *taken = read(at_once->port);
    if (!taken) {
        Py_DECREF(future);
        if (PyErr_Occurred())
            return NULL;
        at_once->flows = 0;
        Py_RETURN_NONE;
    }
    at_once->turn->reads--;
    if (edge_touch(at_once->edge) < 0)
        Py_CLEAR(future);
    else
        future = complete(future, taken);
    Py_DECREF(taken);
    return future;
}

static PyObject *receive_frame(PyObject *self, PyObject *unused)
{
    (void)unused;
    return take((AtOnce *)self, port_read_frame);
}

static PyObject *receive_message(PyObject *self, PyObject *unused)
{
    (void)unused;
    return take((AtOnce *)self, port_read_message);
}

/* --- the object --- */

static PyObject *move(PyObject *self, PyObject *loop)
{
    AtOnce *at_once = (AtOnce *)self;
    PyObject *is_running = PyObject_GetAttrString(loop, "is_running");
    PyObject *of_loop = is_running ? Py_BuildValue("{sO}", "loop", loop) : NULL;
    if (!of_loop) {
        Py_XDECREF(is_running);
        return NULL;
    }
    PyObject *was_running = at_once->is_running, *of_last = at_once->of_loop;
    at_once->is_running = is_running;
    at_once->of_loop = of_loop;
    Py_XDECREF(was_running);
    Py_XDECREF(of_last);
    Py_RETURN_NONE;
}

static PyObject *at_once_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *attempt, *socket, *ownership, *turn, *edge, *make, *last;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "O!OO!O!O!OO", attempt_type, &attempt, &socket, ownership_type, &ownership, turn_type,
                          &turn, edge_type, &edge, &make, &last))
        return NULL;
    PyObject *port = PyObject_GetAttrString(socket, "port");
    int is_port = port ? PyObject_IsInstance(port, port_type) : -1;
    AtOnce *at_once = is_port > 0 ? (AtOnce *)allocate((PyObject *)type) : NULL;
    if (!at_once) {
        if (!is_port)
            PyErr_SetString(PyExc_TypeError, "what is received at once comes from a socket of the extension");
        Py_XDECREF(port);
        return NULL;
    }
    at_once->attempt = (Attempt *)Py_NewRef(attempt);
    at_once->port = (Port *)port;
    at_once->ownership = (Ownership *)Py_NewRef(ownership);
    at_once->turn = (Turn *)Py_NewRef(turn);
    at_once->edge = (Edge *)Py_NewRef(edge);
    at_once->make = Py_NewRef(make);
    at_once->last = Py_NewRef(last);
    return (PyObject *)at_once;
}

static int at_once_traverse(PyObject *self, visitproc visit, void *arg)
{
    AtOnce *at_once = (AtOnce *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(at_once->attempt);
    Py_VISIT(at_once->port);
    Py_VISIT(at_once->edge);
    Py_VISIT(at_once->make);
    Py_VISIT(at_once->last);
    Py_VISIT(at_once->is_running);
    Py_VISIT(at_once->of_loop);
    return 0;
}

/* Without a loop it does nothing any more, and needs nothing that leads back to it. */
static int at_once_clear(PyObject *self)
{
    AtOnce *at_once = (AtOnce *)self;
    Py_CLEAR(at_once->is_running);
    return 0;
}

static void at_once_dealloc(PyObject *self)
{
    AtOnce *at_once = (AtOnce *)self;
    PyObject_GC_UnTrack(self);
    at_once_clear(self);
    Py_CLEAR(at_once->attempt);
    Py_CLEAR(at_once->port);
    Py_CLEAR(at_once->ownership);
    Py_CLEAR(at_once->turn);
    Py_CLEAR(at_once->edge);
    Py_CLEAR(at_once->make);
    Py_CLEAR(at_once->last);
    Py_CLEAR(at_once->of_loop);
    free_object(self);
}

static PyMethodDef at_once_methods[] = {
    {"move", move, METH_O, "move(loop): from now on the futures are this loop's."},
    {"send_frame", send_frame, METH_O, "send_frame(frame) -> a future that is done, or None"},
    {"send_message", send_message, METH_O, "send_message(frames) -> a future that is done, or None"},
    {"sent", sent, METH_O, "sent(result): charge the turn with a send that is done -> its future"},
    {"receive_frame", receive_frame, METH_NOARGS, "receive_frame() -> a future that is done, or None"},
    {"receive_message", receive_message, METH_NOARGS, "receive_message() -> a future that is done, or None"},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef at_once_members[] = {
    {"flows", T_BOOL, offsetof(AtOnce, flows), 0, "A receive found something at once: the next may try at once."},
    {"spent", T_BOOL, offsetof(AtOnce, spent), 0, "The next send waits for the next turn."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot at_once_slots[] = {
    {Py_tp_new, (void *)at_once_new},
    {Py_tp_traverse, (void *)at_once_traverse},
    {Py_tp_clear, (void *)at_once_clear},
    {Py_tp_dealloc, (void *)at_once_dealloc},
    {Py_tp_methods, at_once_methods},
    {Py_tp_members, at_once_members},
    {Py_tp_doc, "AtOnce(attempt, socket, ownership, turn, edge, make, last): does what need not wait."},
    {0, NULL},
};

static PyType_Spec at_once_spec = {
    "zmqbridge._native.speedups.AtOnce", sizeof(AtOnce), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, at_once_slots,
};

int add_at_once(PyObject *module)
{
    static PyObject *at_once_type;
    if (!at_once_type && !(at_once_type = PyType_FromSpec(&at_once_spec)))
        return -1;
    return PyModule_AddObjectRef(module, "AtOnce", at_once_type);
}
