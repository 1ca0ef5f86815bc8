/* The attempt of a send: the twin of zmqbridge.channel.attempt. */

#include "native.h"

PyObject *attempt_type;

/* Other code ended the socket, if that is what the exception says: its channel is told. */
static void tell_end(Attempt *attempt)
{
    if (!PyErr_ExceptionMatches(connection_closed) && !PyErr_ExceptionMatches(context_terminated))
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *result = PyObject_CallFunctionObjArgs(attempt->ended, value, NULL);
    if (!result) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        return;
    }
    Py_DECREF(result);
    PyErr_Restore(type, value, traceback);
}

/* Whether somebody wants what there is to receive; -1 with an exception. */
static int wants_input(Attempt *attempt)
{
    static PyObject *name;
    if (!name && !(name = PyUnicode_InternFromString("wants_input")))
        return -1;
    PyObject *wants = PyObject_GetAttr(attempt->lot, name);
    int answer = wants ? PyObject_IsTrue(wants) : -1;
    Py_XDECREF(wants);
    return answer;
}

/* The one function that sends: it always charges the turn, and it always looks. Returns as port_send(). */
static int attempt_send(Attempt *attempt, PyObject *message)
{
    int sent = port_send(attempt->port, message);
    int look = 1;
    if (sent > 0)
        attempt->sent++;
    else if (sent == 0) {
        look = attempt->port->input_pending ? wants_input(attempt) : 0;
        if (look < 0)
            sent = -1;
    } else
        tell_end(attempt);
    attempt->turn->sends--;
    if (look && edge_touch(attempt->edge) < 0)
        return -1;
    return sent;
}

/* The frames of a message as a caller gave it: itself where it is plain, a new reference. */
static PyObject *plain(PyObject *message)
{
    if (PyBytes_CheckExact(message))
        return Py_NewRef(message);
    if (PyList_CheckExact(message) || PyTuple_CheckExact(message)) {
        Py_ssize_t count = count_frames(message), index = 0;
        while (index < count && PyBytes_CheckExact(frame_at(message, index)))
            index++;
        if (index == count && count)
            return Py_NewRef(message);
    }
    return PyObject_CallFunctionObjArgs(frames_of, message, NULL);
}

static PyObject *attempt_send_method(PyObject *self, PyObject *frames)
{
    int sent = attempt_send((Attempt *)self, frames);
    return sent < 0 ? NULL : PyBool_FromLong(sent);
}

int attempt_at_once(Attempt *attempt, PyObject *message, PyObject *lane)
{
    if (attempt->turn->sends <= 0 || !attempt->turn->lenient || !ownership_passes(attempt->ownership))
        return 0;
    if (PyDict_Size(attempt->lanes)) {
        int waits = PySequence_Contains(attempt->lanes, lane);
        if (waits)
            return waits < 0 ? -1 : 0;
    }
    PyObject *frames = plain(message);
    if (!frames)
        return -1;
    int sent = attempt_send(attempt, frames);
    Py_DECREF(frames);
    return sent;
}

static PyObject *at_once(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "at_once() takes a message, and a lane");
        return NULL;
    }
    int sent = attempt_at_once((Attempt *)self, args[0], count > 1 ? args[1] : Py_None);
    return sent < 0 ? NULL : PyBool_FromLong(sent);
}

static PyObject *many(PyObject *self, PyObject *args)
{
    PyObject *messages;
    Py_ssize_t start, limit, sent = 0;
    if (!PyArg_ParseTuple(args, "O!nn", &PyList_Type, &messages, &start, &limit))
        return NULL;
    if (start < 0)
        return PyErr_Format(PyExc_IndexError, "the first of many messages has an index from 0 on, not %zd", start);
    for (; sent < limit && start + sent < PyList_Size(messages); sent++) {
        PyObject *frames = plain(PyList_GetItem(messages, start + sent));
        int outcome = frames ? attempt_send((Attempt *)self, frames) : -1;
        Py_XDECREF(frames);
        if (outcome < 0)
            return NULL;
        if (!outcome)
            break;
    }
    return PyLong_FromSsize_t(sent);
}

static PyObject *attempt_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *socket, *ownership, *turn, *edge, *lot, *ended;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "OO!O!O!OO", &socket, ownership_type, &ownership, turn_type, &turn, edge_type, &edge,
                          &lot, &ended))
        return NULL;
    Attempt *attempt = (Attempt *)allocate((PyObject *)type);
    if (!attempt)
        return NULL;
    attempt->ownership = (Ownership *)Py_NewRef(ownership);
    attempt->turn = (Turn *)Py_NewRef(turn);
    attempt->edge = (Edge *)Py_NewRef(edge);
    attempt->lot = Py_NewRef(lot);
    attempt->ended = Py_NewRef(ended);
    attempt->port = (Port *)PyObject_GetAttrString(socket, "port");
    attempt->lanes = attempt->port ? PyObject_GetAttrString(lot, "lanes") : NULL;
    if (attempt->lanes && PyDict_Check(attempt->lanes) && PyObject_IsInstance((PyObject *)attempt->port, port_type) > 0)
        return (PyObject *)attempt;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "an attempt takes a socket of the extension, and a lot whose lanes are a dict");
    Py_DECREF(attempt);
    return NULL;
}

static int attempt_traverse(PyObject *self, visitproc visit, void *arg)
{
    Attempt *attempt = (Attempt *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(attempt->port);
    Py_VISIT(attempt->edge);
    Py_VISIT(attempt->lot);
    Py_VISIT(attempt->lanes);
    Py_VISIT(attempt->ended);
    return 0;
}

/* What a channel needs to send stays; what leads back to the channel goes. */
static int attempt_clear(PyObject *self)
{
    Py_CLEAR(((Attempt *)self)->ended);
    return 0;
}

static void attempt_dealloc(PyObject *self)
{
    Attempt *attempt = (Attempt *)self;
    PyObject_GC_UnTrack(self);
    attempt_clear(self);
    Py_CLEAR(attempt->port);
    Py_CLEAR(attempt->ownership);
    Py_CLEAR(attempt->turn);
    Py_CLEAR(attempt->edge);
    Py_CLEAR(attempt->lot);
    Py_CLEAR(attempt->lanes);
    free_object(self);
}

static PyMethodDef attempt_methods[] = {
    {"send", attempt_send_method, METH_O, "send(frames): send a message whole, if there is room; whether it was sent."},
    {"at_once", (PyCFunction)(void (*)(void))at_once, METH_FASTCALL,
     "at_once(message, lane=None): send a message where nothing is to be asked or waited for first."},
    {"many", many, METH_VARARGS, "many(messages, start, limit) -> how many were sent"},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef attempt_members[] = {
    {"sent", T_PYSSIZET, offsetof(Attempt, sent), READONLY, "Messages that libzmq took."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot attempt_slots[] = {
    {Py_tp_new, (void *)attempt_new},
    {Py_tp_traverse, (void *)attempt_traverse},
    {Py_tp_clear, (void *)attempt_clear},
    {Py_tp_dealloc, (void *)attempt_dealloc},
    {Py_tp_methods, attempt_methods},
    {Py_tp_members, attempt_members},
    {Py_tp_doc, "Attempt(socket, ownership, turn, edge, lot, ended): attempts sends on one socket."},
    {0, NULL},
};

static PyType_Spec attempt_spec = {
    "zmqbridge._native.speedups.Attempt", sizeof(Attempt), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, attempt_slots,
};

int add_attempt(PyObject *module)
{
    if (!attempt_type && !(attempt_type = PyType_FromSpec(&attempt_spec)))
        return -1;
    return PyModule_AddObjectRef(module, "Attempt", attempt_type);
}
