/* The iterator over an inbox, which makes no coroutine for an item that is there: the twin of
   zmqbridge.waiting.inbox.Items. */

#include "native.h"

/* What `async for` asks for the next item: the inbox, and the call that makes a coroutine to wait for one. */
typedef struct {
    PyObject_HEAD
    Inbox *inbox;
    PyObject *wait;
} Items;

/* One item to come: at once, or from the coroutine, where another was faster. */
typedef struct {
    PyObject_HEAD
    Items *items;
    PyObject *waiting;
} Next;

static PyObject *items_type, *next_type;

static PyObject *items_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *inbox, *wait;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "O!O", inbox_type, &inbox, &wait))
        return NULL;
    Items *items = (Items *)allocate((PyObject *)type);
    if (!items)
        return NULL;
    items->inbox = (Inbox *)Py_NewRef(inbox);
    items->wait = Py_NewRef(wait);
    return (PyObject *)items;
}

static int items_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Items *)self)->inbox);
    Py_VISIT(((Items *)self)->wait);
    return 0;
}

/* The inbox stays: an item asked for before may still look into it. */
static int items_clear(PyObject *self)
{
    Py_CLEAR(((Items *)self)->wait);
    return 0;
}

static void items_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    items_clear(self);
    Py_CLEAR(((Items *)self)->inbox);
    free_object(self);
}

/* The memory of one, for the next: most live for one step of a loop. */
static PyObject *spare_next;

static PyObject *next_new(Items *items)
{
    PyObject *self = spare_next;
    if (self) {
        spare_next = NULL;
        PyObject_Init(self, (PyTypeObject *)next_type);
    } else if (!(self = allocate(next_type)))
        return NULL;
    PyObject_GC_UnTrack(self);
    ((Next *)self)->items = (Items *)Py_NewRef((PyObject *)items);
    ((Next *)self)->waiting = NULL;
    PyObject_GC_Track(self);
    return self;
}

/* It has no tp_clear, as a tuple has none: what waits, or the iterator, breaks every cycle. */
static int next_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Next *)self)->items);
    Py_VISIT(((Next *)self)->waiting);
    return 0;
}

static void next_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_DECREF(((Next *)self)->items);
    Py_XDECREF(((Next *)self)->waiting);
    if (spare_next) {
        free_object(self);
        return;
    }
    spare_next = self;
    Py_DECREF(next_type);
}

/* What a coroutine would be made by, for an item that is not there. */
static PyObject *wait_for_item(Items *items)
{
    if (items->wait)
        return PyObject_CallNoArgs(items->wait);
    PyErr_SetString(PyExc_RuntimeError, "the iterator was collected");
    return NULL;
}

static PyObject *items_next(PyObject *self)
{
    Items *items = (Items *)self;
    return may_take(items->inbox) ? next_new(items) : wait_for_item(items);
}

static PySendResult next_send(PyObject *self, PyObject *value, PyObject **result)
{
    Next *next = (Next *)self;
    *result = NULL;
    if (!next->waiting) {
        if (may_take(next->items->inbox)) {
            *result = take_oldest(next->items->inbox);
            return PYGEN_RETURN;
        }
        next->waiting = wait_for_item(next->items);
        if (!next->waiting)
            return PYGEN_ERROR;
    }
    return PyIter_Send(next->waiting, value, result);
}

static PyObject *next_step(PyObject *self, PyObject *value)
{
    PyObject *result;
    switch (next_send(self, value, &result)) {
    case PYGEN_NEXT:
        return result;
    case PYGEN_RETURN: {
        PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
        Py_DECREF(result);
        if (stop)
            PyErr_SetObject(PyExc_StopIteration, stop);
        Py_XDECREF(stop);
        return NULL;
    }
    default:
        return NULL;
    }
}

static PyObject *next_iternext(PyObject *self)
{
    return next_step(self, Py_None);
}

static PyObject *next_throw(PyObject *self, PyObject *args)
{
    Next *next = (Next *)self;
    if (!next->waiting && !(next->waiting = wait_for_item(next->items)))
        return NULL;
    PyObject *function = PyObject_GetAttrString(next->waiting, "throw");
    PyObject *result = function ? PyObject_CallObject(function, args) : NULL;
    Py_XDECREF(function);
    return result;
}

static PyObject *next_close(PyObject *self, PyObject *unused)
{
    Next *next = (Next *)self;
    (void)unused;
    if (next->waiting)
        return PyObject_CallMethod(next->waiting, "close", NULL);
    Py_RETURN_NONE;
}

static PyObject *itself(PyObject *self)
{
    return Py_NewRef(self);
}

/* All of collections.abc.Coroutine: a loop can make a task of it, as of the coroutine where there is no item yet. */
static PyMethodDef next_methods[] = {
    {"send", next_step, METH_O, "As a coroutine's."},
    {"throw", next_throw, METH_VARARGS, "As a coroutine's."},
    {"close", next_close, METH_NOARGS, "As a coroutine's."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot items_slots[] = {
    {Py_am_aiter, (void *)itself},
    {Py_am_anext, (void *)items_next},
    {Py_tp_new, (void *)items_new},
    {Py_tp_traverse, (void *)items_traverse},
    {Py_tp_clear, (void *)items_clear},
    {Py_tp_dealloc, (void *)items_dealloc},
    {Py_tp_doc, "Items(inbox, wait): an asynchronous iterator."},
    {0, NULL},
};

static PyType_Slot next_slots[] = {
    {Py_am_await, (void *)itself},
    {Py_am_send, (void *)next_send},
    {Py_tp_iter, (void *)itself},
    {Py_tp_iternext, (void *)next_iternext},
    {Py_tp_methods, next_methods},
    {Py_tp_traverse, (void *)next_traverse},
    {Py_tp_dealloc, (void *)next_dealloc},
    {0, NULL},
};

static PyType_Spec items_spec = {
    "zmqbridge._native.speedups.Items", sizeof(Items), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, items_slots,
};

static PyType_Spec next_spec = {
    "zmqbridge._native.speedups.Next", sizeof(Next), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC, next_slots,
};

int add_items(PyObject *module)
{
    if (!items_type && !(items_type = PyType_FromSpec(&items_spec)))
        return -1;
    if (!next_type && !(next_type = PyType_FromSpec(&next_spec)))
        return -1;
    return PyModule_AddObjectRef(module, "Items", items_type);
}
