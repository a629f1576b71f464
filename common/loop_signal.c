#include "common/loop_signal.h"

#include "common/log.h"
#include "common/mem.h"

#include <event2/event.h>
#include <stdlib.h>

struct loop_signal {
    struct event *event;
    loop_fn *fn;
    void *arg;
};

static void on_signal(evutil_socket_t number, short what, void *arg) {
    (void)number;
    (void)what;
    const struct loop_signal *handler = arg;
    handler->fn(handler->arg);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, loop_fn *fn, void *arg) {
    struct loop_signal *handler = MEM_NEW(struct loop_signal);
    *handler = (struct loop_signal){.fn = fn, .arg = arg};
    handler->event = evsignal_new(loop_base(loop), number, on_signal, handler);
    if (handler->event == NULL || event_add(handler->event, NULL) != 0) {
        LOG(LOG_ERROR, "signal could not be handled", LOG_INT("signal", number));
        abort(); /* a signal that nothing can be done about, or no memory */
    }
    return handler;
}

void loop_signal_free(struct loop_signal *handler) {
    if (handler == NULL)
        return;
    event_free(handler->event);
    mem_free(handler);
}
