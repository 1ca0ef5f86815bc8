/* Objects that libzmq sends from, and what it has let go of.

   A large frame is not copied. It belongs to libzmq until its I/O thread lets go of it, and that thread may
   not touch Python: it puts the object on a list, and a later call gives it back to Python. */

#include "native.h"

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

/* Send a frame from the object's own memory, which libzmq keeps until it has sent it. Giving back what is no more than
   bytes runs no code of Python's. */
int send_shared(void *socket, PyObject *object, void *data, size_t size, int flags)
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
