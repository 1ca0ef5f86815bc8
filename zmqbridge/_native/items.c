/* Publications, and what was read ahead: the twins of zmqbridge.framing's split(), of zmqbridge.waiting.inbox.Inbox and
   of its iterator, which makes no coroutine for an item that is there. */

#include "native.h"

int append(PyObject *list, PyObject *item)
{
    int appended = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return appended;
}

/* --- publications --- */

/* The rule of tags: the first zero byte ends the tag. NULL where there is none. */
static const char *end_of_tag(const char *data, Py_ssize_t size)
{
    return size ? memchr(data, 0, (size_t)size) : NULL;
}

PyObject *publication_of(PyTypeObject *type, PyObject **tag, const char *data, Py_ssize_t size)
{
    const char *end = end_of_tag(data, size);
    if (!end)
        return NULL;
    Py_ssize_t length = end - data, latest_length = -1;
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
    PyObject *message = PyBytes_FromStringAndSize(end + 1, size - length - 1);
    PyObject *publication = message ? PyType_GenericAlloc(type, 2) : NULL;
    if (!publication) {
        Py_XDECREF(message);
        return NULL;
    }
    PyTuple_SetItem(publication, 0, Py_NewRef(*tag));
    PyTuple_SetItem(publication, 1, message);
    return publication;
}

/* --- Inbox: zmqbridge.waiting.inbox --- */

/* The items are those of the list from `next` on; what lies before has been taken. */
typedef struct {
    PyObject_HEAD
    Ownership *ownership;
    PyObject *items, *claims;
    Py_ssize_t next, end;
} Inbox;

static PyObject *inbox_type;

static PyObject *inbox_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *ownership;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "O!", ownership_type, &ownership))
        return NULL;
    Inbox *inbox = (Inbox *)allocate((PyObject *)type);
    if (!inbox)
        return NULL;
    inbox->ownership = (Ownership *)Py_NewRef(ownership);
    inbox->items = PyList_New(0);
    inbox->claims = PyDict_New();
    if (!inbox->items || !inbox->claims) {
        Py_DECREF(inbox);
        return NULL;
    }
    return (PyObject *)inbox;
}

static int inbox_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Inbox *)self)->items);
    Py_VISIT(((Inbox *)self)->claims);
    return 0;
}

static int inbox_clear_references(PyObject *self)
{
    Inbox *inbox = (Inbox *)self;
    inbox->next = inbox->end = 0;
    Py_CLEAR(inbox->items);
    Py_CLEAR(inbox->claims);
    return 0;
}

static void inbox_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    inbox_clear_references(self);
    Py_CLEAR(((Inbox *)self)->ownership);
    free_object(self);
}

static Py_ssize_t inbox_length(PyObject *self)
{
    return ((Inbox *)self)->end - ((Inbox *)self)->next;
}

/* Whether whoever asks may take the oldest item. */
static int may_take(Inbox *inbox)
{
    return inbox->next < inbox->end && !PyDict_Size(inbox->claims) && ownership_passes(inbox->ownership);
}

/* The oldest item, which is there: a new reference. */
static PyObject *take_oldest(Inbox *inbox)
{
    PyObject *item = Py_NewRef(PyList_GetItem(inbox->items, inbox->next));
    PyList_SetItem(inbox->items, inbox->next++, Py_NewRef(Py_None));
    return item;
}

static PyObject *inbox_take_free(PyObject *self, PyObject *unused)
{
    (void)unused;
    return may_take((Inbox *)self) ? take_oldest((Inbox *)self) : Py_NewRef(nothing);
}

static PyObject *inbox_take_many(PyObject *self, PyObject *limit)
{
    Inbox *inbox = (Inbox *)self;
    Py_ssize_t most = PyLong_AsSsize_t(limit);
    PyObject *taken = most == -1 && PyErr_Occurred() ? NULL : PyList_New(0);
    for (; taken && most > 0 && may_take(inbox); most--) {
        /* Where there is no memory for one more, it stays, and what was taken is not lost for it. */
        if (PyList_Append(taken, PyList_GetItem(inbox->items, inbox->next)) < 0) {
            if (PyList_Size(taken))
                PyErr_Clear();
            else
                Py_CLEAR(taken);
            break;
        }
        Py_DECREF(take_oldest(inbox));
    }
    return taken;
}

static PyObject *inbox_put(PyObject *self, PyObject *items)
{
    Inbox *inbox = (Inbox *)self;
    if (PyList_SetSlice(inbox->items, 0, inbox->next, NULL) < 0)
        return NULL;
    inbox->end -= inbox->next;
    inbox->next = 0;
    PyObject *more = PySequence_List(items);
    int put = more ? PyList_SetSlice(inbox->items, inbox->end, inbox->end, more) : -1;
    Py_XDECREF(more);
    inbox->end = PyList_Size(inbox->items);
    if (put < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *inbox_has_free(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(inbox_length(self) > PyDict_Size(((Inbox *)self)->claims));
}

static PyObject *inbox_grant(PyObject *self, PyObject *claimant)
{
    if (PyDict_SetItem(((Inbox *)self)->claims, claimant, Py_None) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* The first claimant, borrowed; NULL where there is none. */
static PyObject *first_claimant(Inbox *inbox)
{
    PyObject *claimant;
    Py_ssize_t position = 0;
    return PyDict_Next(inbox->claims, &position, &claimant, NULL) ? claimant : NULL;
}

static PyObject *inbox_is_first(PyObject *self, PyObject *claimant)
{
    return PyBool_FromLong(first_claimant((Inbox *)self) == claimant);
}

static PyObject *inbox_revoke(PyObject *self, PyObject *claimant)
{
    static PyObject *wake;
    Inbox *inbox = (Inbox *)self;
    int held = PyDict_Size(inbox->claims) ? PyDict_Contains(inbox->claims, claimant) : 0;
    if (held < 0 || (held && PyDict_DelItem(inbox->claims, claimant) < 0))
        return NULL;
    PyObject *first = held ? first_claimant(inbox) : NULL;
    if (!first)
        Py_RETURN_NONE;
    if (!wake && !(wake = PyUnicode_InternFromString("wake")))
        return NULL;
    Py_INCREF(first);
    PyObject *result = PyObject_CallMethodObjArgs(first, wake, NULL);
    Py_DECREF(first);
    if (!result)
        return NULL;
    Py_DECREF(result);
    Py_RETURN_NONE;
}

static PyObject *inbox_take(PyObject *self, PyObject *claimant)
{
    Inbox *inbox = (Inbox *)self;
    if (inbox->next >= inbox->end || !PyDict_Size(inbox->claims))
        return PyErr_Format(PyExc_IndexError, "an item without a claim, or a claim without an item");
    PyObject *item = take_oldest(inbox), *result = inbox_revoke(self, claimant);
    if (!result)
        Py_CLEAR(item);
    Py_XDECREF(result);
    return item;
}

static PyObject *inbox_wake_all(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *claimants = PyDict_Keys(((Inbox *)self)->claims);
    for (Py_ssize_t i = 0; claimants && i < PyList_Size(claimants); i++) {
        PyObject *result = PyObject_CallMethod(PyList_GetItem(claimants, i), "wake", NULL);
        if (!result)
            Py_CLEAR(claimants);
        Py_XDECREF(result);
    }
    if (!claimants)
        return NULL;
    Py_DECREF(claimants);
    Py_RETURN_NONE;
}

static PyObject *inbox_clear(PyObject *self, PyObject *unused)
{
    Inbox *inbox = (Inbox *)self;
    Py_ssize_t dropped = inbox_length(self);
    (void)unused;
    PyDict_Clear(inbox->claims);
    inbox->next = inbox->end = 0;
    if (PyList_SetSlice(inbox->items, 0, PyList_Size(inbox->items), NULL) < 0)
        return NULL;
    return PyLong_FromSsize_t(dropped);
}

static PyObject *inbox_reserved(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(PyDict_Size(((Inbox *)self)->claims));
}

static PyMethodDef inbox_methods[] = {
    {"has_free", inbox_has_free, METH_NOARGS, "Whether an item is there that is reserved for nobody."},
    {"put", inbox_put, METH_O, "Add items behind all that are there."},
    {"take_free", inbox_take_free, METH_NOARGS, "Return the oldest item if nobody has a claim, or NOTHING."},
    {"take_many", inbox_take_many, METH_O, "Return the oldest items, so many of them at most."},
    {"grant", inbox_grant, METH_O, "Reserve the oldest free item."},
    {"is_first", inbox_is_first, METH_O, "Whether it is a claimant's turn to take its item."},
    {"take", inbox_take, METH_O, "Return the item of the first claimant, and end its claim."},
    {"revoke", inbox_revoke, METH_O, "A claimant goes, whether with its item or without."},
    {"wake_all", inbox_wake_all, METH_NOARGS, "Wake all that have a claim."},
    {"clear", inbox_clear, METH_NOARGS, "Drop all that is there; return how many items that were."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef inbox_properties[] = {
    {"reserved", inbox_reserved, NULL, "How many items are reserved: the oldest ones.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot inbox_slots[] = {
    {Py_tp_new, (void *)inbox_new},
    {Py_tp_traverse, (void *)inbox_traverse},
    {Py_tp_clear, (void *)inbox_clear_references},
    {Py_tp_dealloc, (void *)inbox_dealloc},
    {Py_sq_length, (void *)inbox_length},
    {Py_tp_methods, inbox_methods},
    {Py_tp_getset, inbox_properties},
    {Py_tp_doc, "Inbox(ownership): items for the callers, oldest first, and who has a claim to one."},
    {0, NULL},
};

static PyType_Spec inbox_spec = {
    "zmqbridge._native.speedups.Inbox", sizeof(Inbox), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, inbox_slots,
};

/* --- Items: the iterator over an inbox --- */

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
    if (!inbox_type && !(inbox_type = PyType_FromSpec(&inbox_spec)))
        return -1;
    if (!items_type && !(items_type = PyType_FromSpec(&items_spec)))
        return -1;
    if (!next_type && !(next_type = PyType_FromSpec(&next_spec)))
        return -1;
    if (PyModule_AddObjectRef(module, "Inbox", inbox_type) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "Items", items_type);
}
