/* What was read ahead: the twin of zmqbridge.waiting.inbox.Inbox. */

#include "native.h"

PyObject *inbox_type;

/* Not a dict, which passes over all that left it before it comes to its first. What changes it must know its order, so
   no PyDict function does; its size alone is a dict's. */
static PyObject *new_claims(void)
{
    PyObject *collections = PyImport_ImportModule("collections");
    PyObject *claims = collections ? PyObject_CallMethod(collections, "OrderedDict", NULL) : NULL;
    Py_XDECREF(collections);
    return claims;
}

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
    inbox->claims = new_claims();
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

/* Its list and its dictionary break every cycle themselves: it keeps them, so it can be used as long as it is there. */
static int inbox_clear_references(PyObject *self)
{
    ((Inbox *)self)->next = ((Inbox *)self)->end = 0;
    return 0;
}

static void inbox_dealloc(PyObject *self)
{
    Inbox *inbox = (Inbox *)self;
    PyObject_GC_UnTrack(self);
    Py_CLEAR(inbox->items);
    Py_CLEAR(inbox->claims);
    Py_CLEAR(inbox->ownership);
    free_object(self);
}

static Py_ssize_t inbox_length(PyObject *self)
{
    return ((Inbox *)self)->end - ((Inbox *)self)->next;
}

/* Whether more is there than is reserved. */
static int has_free(Inbox *inbox)
{
    return inbox->end - inbox->next > PyDict_Size(inbox->claims);
}

int may_take(Inbox *inbox)
{
    return has_free(inbox) && ownership_passes(inbox->ownership);
}

/* The oldest item, which is there: a new reference. */
PyObject *take_oldest(Inbox *inbox)
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
    return PyBool_FromLong(has_free((Inbox *)self));
}

static PyObject *inbox_grant(PyObject *self, PyObject *claimant)
{
    if (PyObject_SetItem(((Inbox *)self)->claims, claimant, Py_None) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* The first claimant: a new reference, or NULL where there is none, or no memory to tell. */
static PyObject *first_claimant(Inbox *inbox)
{
    if (!PyDict_Size(inbox->claims))
        return NULL;
    PyObject *iterator = PyObject_GetIter(inbox->claims);
    PyObject *claimant = iterator ? PyIter_Next(iterator) : NULL;
    Py_XDECREF(iterator);
    return claimant;
}

static PyObject *inbox_is_first(PyObject *self, PyObject *claimant)
{
    PyObject *first = first_claimant((Inbox *)self);
    if (!first && PyErr_Occurred())
        return NULL;
    int is_first = first == claimant;
    Py_XDECREF(first);
    return PyBool_FromLong(is_first);
}

static PyObject *inbox_revoke(PyObject *self, PyObject *claimant)
{
    static PyObject *wake;
    Inbox *inbox = (Inbox *)self;
    int held = PyDict_Size(inbox->claims) ? PyDict_Contains(inbox->claims, claimant) : 0;
    if (held < 0 || (held && PyObject_DelItem(inbox->claims, claimant) < 0))
        return NULL;
    PyObject *first = held ? first_claimant(inbox) : NULL;
    if (!first)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    PyObject *result = NULL;
    if (wake || (wake = PyUnicode_InternFromString("wake")))
        result = PyObject_CallMethodObjArgs(first, wake, NULL);
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
    PyObject *claimants = PySequence_List(((Inbox *)self)->claims);
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
    inbox->next = inbox->end = 0;
    PyObject *cleared = PyObject_CallMethod(inbox->claims, "clear", NULL);
    Py_XDECREF(cleared);
    if (!cleared || PyList_SetSlice(inbox->items, 0, PyList_Size(inbox->items), NULL) < 0)
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
    {"take_free", inbox_take_free, METH_NOARGS, "Return the oldest item if more is there than is reserved, or NOTHING."},
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
    {"reserved", inbox_reserved, NULL, "How many items are reserved.", NULL},
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

int add_inbox(PyObject *module)
{
    if (!inbox_type && !(inbox_type = PyType_FromSpec(&inbox_spec)))
        return -1;
    return PyModule_AddObjectRef(module, "Inbox", inbox_type);
}
