/* The module: what each file adds to it. */

#include "native.h"

static PyMethodDef methods[] = {
    {"use", use, METH_VARARGS,
     "use(addresses, frame_cost, shared_from, reserved): take libzmq's functions from these addresses, by name, and the "
     "constants"},
    {"collect", collect, METH_NOARGS, "collect(): give back to Python the frames that libzmq has sent"},
    {"stop_asking", stop_asking, METH_NOARGS, "stop_asking(): libzmq's threads call Python no more"},
    {"tell", tell_pipe, METH_O, "tell(descriptor): write to a pipe what came back from a memoryview; -1 for none"},
    {"forget_callers", forget_callers, METH_NOARGS, "forget_callers(): no thread is calling, in the child of a fork"},
    {"read_envelope", read_envelope, METH_O, "read_envelope(frames) -> Envelope"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "speedups", "The twins in C of zmqbridge's books and of its socket.", -1, methods, NULL, NULL,
    NULL, NULL,
};

PyMODINIT_FUNC PyInit_speedups(void)
{
    if (import_names() < 0 || import_envelope() < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module && (add_frame(module) < 0 || add_port(module) < 0 || add_books(module) < 0 || add_inbox(module) < 0 ||
                   add_items(module) < 0 || add_attempt(module) < 0 || add_at_once(module) < 0))
        Py_CLEAR(module);
    return module;
}
