/* One end of a measurement in C: the end that is not under test, and what stands for libzmq's own local_thr.

   libzmq LIBRARY send ADDRESS COUNT FRAMES SIZE               a PUSH that connects
   libzmq LIBRARY publish ADDRESS COUNT SIZE TAG SUBSCRIPTIONS an XPUB that connects, and waits for subscriptions
   libzmq LIBRARY receive COUNT                                a PULL that binds, and prints its address first
   libzmq LIBRARY echo                                         a ROUTER that does, and sends each message back

   At the end it prints seconds and seconds of CPU, counted from its first message, and its peak memory in
   KiB. It needs no zmq.h: what is declared here is part of libzmq's stable ABI, and LIBRARY is the libzmq
   that pyzmq has loaded, so that both ends and all contenders have the same. benchmarks/standin.py is its
   twin in Python. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct zmq_msg_t {
    unsigned char _[64];
} __attribute__((aligned(8))) zmq_msg_t;
enum { ZMQ_ROUTER = 6, ZMQ_PULL = 7, ZMQ_PUSH = 8, ZMQ_XPUB = 9 };
enum { ZMQ_SNDMORE = 2, ZMQ_SNDHWM = 23, ZMQ_LAST_ENDPOINT = 32 };

#define FUNCTIONS                                                 \
    F(void *, zmq_ctx_new, (void))                                \
    F(int, zmq_ctx_term, (void *))                                \
    F(void *, zmq_socket, (void *, int))                          \
    F(int, zmq_close, (void *))                                   \
    F(int, zmq_bind, (void *, const char *))                      \
    F(int, zmq_connect, (void *, const char *))                   \
    F(int, zmq_setsockopt, (void *, int, const void *, size_t))   \
    F(int, zmq_getsockopt, (void *, int, void *, size_t *))       \
    F(int, zmq_msg_init, (zmq_msg_t *))                           \
    F(int, zmq_msg_init_size, (zmq_msg_t *, size_t))              \
    F(int, zmq_msg_send, (zmq_msg_t *, void *, int))              \
    F(int, zmq_msg_recv, (zmq_msg_t *, void *, int))              \
    F(int, zmq_msg_more, (const zmq_msg_t *))                     \
    F(void *, zmq_msg_data, (zmq_msg_t *))                        \
    F(int, zmq_errno, (void))                                     \
    F(const char *, zmq_strerror, (int))

#define F(type, name, arguments) static type(*name) arguments;
FUNCTIONS
#undef F

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
#define F(type, name, arguments)                              \
    if (!library || !(*(void **)&name = dlsym(library, #name))) { \
        fprintf(stderr, "%s\n", dlerror());                   \
        exit(1);                                              \
    }
    FUNCTIONS
#undef F
}

static int checked(int result)
{
    if (result < 0) {
        fprintf(stderr, "%s\n", zmq_strerror(zmq_errno()));
        exit(1);
    }
    return result;
}

static double began, began_cpu;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void begin(void)
{
    began = now();
    began_cpu = cpu();
}

/* VmHWM is this program's own peak; ru_maxrss begins with that of the process that started it. */
static long peak_memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    long size = usage.ru_maxrss;
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &size) == 1)
            break;
    if (status)
        fclose(status);
    return size;
}

static void end(double seconds, double seconds_of_cpu)
{
    printf("%.9f %.9f %ld\n", seconds, seconds_of_cpu, peak_memory());
    fflush(stdout);
}

static void send_frame(void *socket, const void *data, size_t size, int flags)
{
    zmq_msg_t frame;
    checked(zmq_msg_init_size(&frame, size));
    if (data)
        memcpy(zmq_msg_data(&frame), data, size);
    checked(zmq_msg_send(&frame, socket, flags));
}

static void send_all(void *socket, long count, long frames, size_t size)
{
    begin();
    while (count--)
        for (long left = frames; left--;)
            send_frame(socket, NULL, size, left ? ZMQ_SNDMORE : 0);
}

static void publish_all(void *socket, long count, size_t size, const char *tag, long subscriptions)
{
    zmq_msg_t subscription;
    size_t length = strlen(tag) + 1;
    char *message = calloc(1, length + size);
    memcpy(message, tag, length);
    zmq_msg_init(&subscription);
    while (subscriptions--)
        checked(zmq_msg_recv(&subscription, socket, 0));
    begin();
    while (count--)
        send_frame(socket, message, length + size, 0);
}

static void receive_all(void *socket, long count)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    for (long received = 0; received < count; received++) {
        do
            checked(zmq_msg_recv(&frame, socket, 0));
        while (zmq_msg_more(&frame));
        if (!received)
            begin();
    }
}

static void echo_all(void *socket)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    for (;;) {
        checked(zmq_msg_recv(&frame, socket, 0));
        checked(zmq_msg_send(&frame, socket, zmq_msg_more(&frame) ? ZMQ_SNDMORE : 0));
    }
}

static void *bound(void *context, int type)
{
    char address[256];
    size_t size = sizeof address;
    void *socket = zmq_socket(context, type);
    checked(zmq_bind(socket, "tcp://127.0.0.1:*"));
    checked(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size));
    puts(address);
    fflush(stdout);
    return socket;
}

static void *connected(void *context, int type, const char *address)
{
    int none = 0;
    void *socket = zmq_socket(context, type);
    if (type == ZMQ_XPUB)
        checked(zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none));
    checked(zmq_connect(socket, address));
    return socket;
}

int main(int count, char **given)
{
    if (count < 3)
        return 2;
    load(given[1]);
    void *context = zmq_ctx_new(), *socket;
    const char *mode = given[2];
    if (!strcmp(mode, "send") && count == 7)
        send_all(socket = connected(context, ZMQ_PUSH, given[3]), atol(given[4]), atol(given[5]), atol(given[6]));
    else if (!strcmp(mode, "publish") && count == 8)
        publish_all(socket = connected(context, ZMQ_XPUB, given[3]), atol(given[4]), atol(given[5]), given[6],
                    atol(given[7]));
    else if (!strcmp(mode, "receive") && count == 4)
        receive_all(socket = bound(context, ZMQ_PULL), atol(given[3]));
    else if (!strcmp(mode, "echo") && count == 3)
        echo_all(socket = bound(context, ZMQ_ROUTER));
    else
        return 2;
    double seconds = now() - began, seconds_of_cpu = cpu() - began_cpu;
    zmq_close(socket);
    zmq_ctx_term(context);
    end(seconds, seconds_of_cpu);
    return 0;
}
