/* Objects that libzmq sends from, and what it has let go of.

   A large frame is not copied. It belongs to libzmq until its I/O thread lets go of it, and that thread may
   not touch Python: it puts the object on a list, and asks that Python's main thread collect it. That may be busy, or
   wait, so every call that sends, receives, looks or closes collects as well. Where somebody waits for the return, a
   thread of Python's is told through a pipe.

   Over inproc the other side would be given that very memory, and may write to it: there nothing is lent. */

#include "native.h"
#ifdef _WIN32
#include <io.h>
#define write _write
#else
#include <unistd.h>
#endif

typedef struct Lent {
    PyObject *object;
    struct Lent *next;
    char told; /* somebody waits for its return */
} Lent;

#if defined(_MSC_VER)
#include <intrin.h>
static void *volatile returned;

static int replace_returned(void *expected, void *value)
{
    return _InterlockedCompareExchangePointer(&returned, value, expected) == expected;
}

static int read_number(int *number)
{
    return _InterlockedExchangeAdd((long *)number, 0);
}

static void add_to(int *number, int more)
{
    _InterlockedExchangeAdd((long *)number, more);
}

static Lent *latest_returned(void)
{
    return returned;
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

static int read_number(int *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void add_to(int *number, int more)
{
    __atomic_add_fetch(number, more, __ATOMIC_SEQ_CST);
}

static Lent *latest_returned(void)
{
    return __atomic_load_n(&returned, __ATOMIC_RELAXED);
}

static Lent *take_returned(void)
{
    return __atomic_load_n(&returned, __ATOMIC_RELAXED) ? __atomic_exchange_n(&returned, NULL, __ATOMIC_ACQUIRE) : NULL;
}
#endif

/* --- having Python collect what came back --- */

/* Whether Python is at its end, and how many threads are about to call it. */
static int ended, calling;

static int collect_soon(void *unused)
{
    (void)unused;
    collect_returned();
    return 0;
}

/* Ask Python to collect, on its main thread, as soon as that runs Python. Where its list of such calls is full, whatever
   sends or receives next collects. */
static void ask_to_collect(void)
{
    add_to(&calling, 1);
    if (!read_number(&ended))
        (void)Py_AddPendingCall(collect_soon, NULL);
    add_to(&calling, -1);
}

PyObject *stop_asking(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    add_to(&ended, 1);
    while (read_number(&calling)) {
        Py_BEGIN_ALLOW_THREADS
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

PyObject *forget_callers(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    add_to(&calling, -read_number(&calling));
    Py_RETURN_NONE;
}

/* The end of a pipe that is written to; -1 for none. */
static int telling = -1;

PyObject *tell_pipe(PyObject *self, PyObject *descriptor)
{
    (void)self;
    long number = PyLong_AsLong(descriptor);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    add_to(&telling, (int)number - read_number(&telling));
    Py_RETURN_NONE;
}

/* A pipe that is full is as good as told. */
static void tell_returned(void)
{
    int descriptor = read_number(&telling), before = errno;
    if (descriptor >= 0 && write(descriptor, "", 1) < 0)
        errno = before;
}

/* libzmq's I/O thread calls this, or whoever closes a message that was not sent. */
static void give_back(void *data, void *hint)
{
    Lent *lent = hint, *next;
    char told = lent->told;
    (void)data;
    do
        next = lent->next = latest_returned();
    while (!replace_returned(next, lent));
    /* From here on it may be collected. */
    if (!next)
        ask_to_collect();
    if (told)
        tell_returned();
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

PyObject *collect(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    collect_returned();
    Py_RETURN_NONE;
}

/* Make a message of an object's own memory, which libzmq keeps until it has sent it; return -1 where there is no memory
   to note that. Giving back what is no more than bytes runs no code of Python's. */
int lend(zmq_msg_t *message, PyObject *object, void *data, size_t size)
{
    Lent *lent = malloc(sizeof *lent);
    if (!lent || libzmq.msg_init_data(message, data, size, give_back, lent) < 0) {
        free(lent);
        return -1;
    }
    lent->object = Py_NewRef(object);
    lent->told = PyMemoryView_Check(object);
    return 0;
}
