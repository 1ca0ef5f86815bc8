/* The module: what each file adds to it. */

#include "native.h"

static PyMethodDef methods[] = {
    {"use", use, METH_VARARGS,
     "use(addresses, frame_cost, shared_from): take libzmq's functions from these addresses, by name, and the constants"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "speedups", "The twins in C of zmqbridge's books and of its socket.", -1, methods, NULL, NULL,
    NULL, NULL,
};

PyMODINIT_FUNC PyInit_speedups(void)
{
    if (import_names() < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module && (add_frame(module) < 0 || add_port(module) < 0 || add_books(module) < 0 || add_inbox(module) < 0 ||
                   add_items(module) < 0 || add_attempt(module) < 0))
        Py_CLEAR(module);
    return module;
}
