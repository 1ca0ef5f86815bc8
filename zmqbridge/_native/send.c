/* Sending a message, and the attempt of a send: the twins of zmqbridge.socket.Socket.send() and
   zmqbridge.channel.attempt.

   A large frame is not copied. It belongs to libzmq until its I/O thread lets go of it, and that thread may
   not touch Python: it puts the object on a list, and a later call gives it back to Python. */

#include "native.h"

/* --- objects that libzmq sends from, and has let go of --- */

typedef struct Lent {
    PyObject *object;
    struct Lent *next;
} Lent;

#if defined(_MSC_VER)
#include <intrin.h>
static void *volatile returned;

static int replace_returned(void *expected, void *value)
{
    return _InterlockedCompareExchangePointer(&returned, value, expected) == expected;
}

static Lent *take_returned(void)
{
    return returned ? _InterlockedExchangePointer(&returned, NULL) : NULL;
}
#else
static void *returned;

static int replace_returned(void *expected, void *value)
{
    return __atomic_compare_exchange_n(&returned, &expected, value, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static Lent *take_returned(void)
{
    return __atomic_load_n(&returned, __ATOMIC_RELAXED) ? __atomic_exchange_n(&returned, NULL, __ATOMIC_ACQUIRE) : NULL;
}
#endif

/* libzmq's I/O thread calls this. */
static void give_back(void *data, void *hint)
{
    Lent *lent = hint;
    (void)data;
    do
        lent->next = (Lent *)returned;
    while (!replace_returned(lent->next, lent));
}

void collect_returned(void)
{
    Lent *lent = take_returned();
    while (lent) {
        Lent *next = lent->next;
        Py_DECREF(lent->object);
        free(lent);
        lent = next;
    }
}

/* --- one message --- */

/* Send a frame from the object's own memory, which libzmq keeps until it has sent it. Giving back what is no more than
   bytes runs no code of Python's. */
static int send_shared(void *socket, PyObject *object, void *data, size_t size, int flags)
{
    Lent *lent = malloc(sizeof *lent);
    zmq_msg_t message;
    if (!lent || libzmq.msg_init_data(&message, data, size, give_back, lent) < 0) {
        free(lent);
        return libzmq.send(socket, data, size, flags);
    }
    lent->object = Py_NewRef(object);
    int sent = libzmq.msg_send(&message, socket, flags);
    if (sent < 0) {
        int number = libzmq.last_errno();
        libzmq.msg_close(&message);
        errno = number;
    }
    return sent;
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
static PyObject *frame_at(PyObject *message, Py_ssize_t index)
{
    return PyList_Check(message) ? PyList_GetItem(message, index) : PyTuple_GetItem(message, index);
}

/* How many frames a message has; -1 with an exception where it is neither bytes nor a list or tuple. */
static Py_ssize_t count_frames(PyObject *message)
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

/* --- the attempt --- */

typedef struct {
    PyObject_HEAD
    Port *port;
    Ownership *ownership;
    Turn *turn;
    Edge *edge;
    PyObject *lot, *lanes, *ended;
    Py_ssize_t sent;
} Attempt;

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

static PyObject *at_once(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Attempt *attempt = (Attempt *)self;
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "at_once() takes a message, and a lane");
        return NULL;
    }
    if (attempt->turn->sends <= 0 || !attempt->turn->lenient || !ownership_passes(attempt->ownership))
        Py_RETURN_FALSE;
    if (PyDict_Size(attempt->lanes)) {
        int waits = PySequence_Contains(attempt->lanes, count > 1 ? args[1] : Py_None);
        if (waits)
            return waits < 0 ? NULL : PyBool_FromLong(0);
    }
    PyObject *frames = plain(args[0]);
    if (!frames)
        return NULL;
    int sent = attempt_send(attempt, frames);
    Py_DECREF(frames);
    return sent < 0 ? NULL : PyBool_FromLong(sent);
}

static PyObject *many(PyObject *self, PyObject *args)
{
    PyObject *messages;
    Py_ssize_t start, limit, sent = 0;
    if (!PyArg_ParseTuple(args, "O!nn", &PyList_Type, &messages, &start, &limit))
        return NULL;
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
    static PyObject *attempt_type;
    if (!attempt_type && !(attempt_type = PyType_FromSpec(&attempt_spec)))
        return -1;
    return PyModule_AddObjectRef(module, "Attempt", attempt_type);
}
