/* One timer: until READY was told it asks every few milliseconds whether it may be; after that it is the watchdog's. A
 * main loop that hangs does not let it ring, a worker that hangs is found by admin_is_alive(): either way the manager
 * hears nothing, and starts the process again. */
#include "proxy/app/supervise.h"

#include "common/mem.h"
#include "common/notify.h"

enum { READY_POLL_MS = 20 };

struct supervise {
    struct admin *admin;
    struct loop_timer *timer;
    char *status;
    int64_t watchdog_ms; /* 0: nobody asked */
    bool is_ready, is_stopping;
};

static void on_timer(void *arg) {
    struct supervise *supervise = arg;
    if (!supervise->is_ready && !supervise->is_stopping && admin_is_ready(supervise->admin)) {
        supervise->is_ready = true;
        notify_ready(supervise->status);
    }
    if (supervise->watchdog_ms > 0 && admin_is_alive(supervise->admin))
        notify_watchdog();
    if (!supervise->is_ready && !supervise->is_stopping)
        loop_timer_set(supervise->timer, READY_POLL_MS);
    else if (supervise->watchdog_ms > 0)
        loop_timer_set(supervise->timer, supervise->watchdog_ms);
}

struct supervise *supervise_new(struct loop *loop, struct admin *admin, const char *status) {
    struct supervise *supervise = MEM_NEW(struct supervise);
    supervise->admin = admin;
    supervise->status = mem_strdup(status);
    supervise->watchdog_ms = notify_watchdog_every_ms();
    supervise->timer = loop_timer_new(loop, on_timer, supervise);
    loop_timer_set(supervise->timer, 0);
    return supervise;
}

void supervise_free(struct supervise *supervise) {
    if (supervise == NULL)
        return;
    loop_timer_free(supervise->timer);
    mem_free(supervise->status);
    mem_free(supervise);
}

void supervise_reload_begins(struct supervise *supervise) {
    if (supervise->is_ready && !supervise->is_stopping)
        notify_reloading();
}

void supervise_reload_ends(struct supervise *supervise) {
    if (supervise->is_ready && !supervise->is_stopping)
        notify_ready(supervise->status);
}

void supervise_stops(struct supervise *supervise) {
    supervise->is_stopping = true;
    notify_stopping();
}
