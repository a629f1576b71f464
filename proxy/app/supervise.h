/* What the service manager is told (common/notify.h): ready, reloading, stopping, and again and again that the loops
 * turn. On the main loop. */
#ifndef PROXY_APP_SUPERVISE_H
#define PROXY_APP_SUPERVISE_H

#include "common/loop.h"
#include "proxy/admin/admin.h"

struct supervise;

/* From now on: READY once /readyz would say so, then WATCHDOG for as long as /healthz does, where the manager asks
 * for it. `status` is one line for people, copied. */
struct supervise *supervise_new(struct loop *loop, struct admin *admin, const char *status) MUST_USE;
void supervise_free(struct supervise *supervise); /* before the admin; NULL is fine */

void supervise_reload_begins(struct supervise *supervise);
void supervise_reload_ends(struct supervise *supervise);
void supervise_stops(struct supervise *supervise);

#endif
