/* Keeps the metrics of parity (hookshift_parity_ready, hookshift_unpaired, ...) up to date. On the admin's loop. */
#ifndef PROXY_ADMIN_PARITY_WATCH_H
#define PROXY_ADMIN_PARITY_WATCH_H

#include "proxy/flow/service.h"

struct parity_watch;

struct parity_watch *parity_watch_new(const struct service *service, struct loop *loop) MUST_USE;
void parity_watch_free(struct parity_watch *watch); /* NULL is fine; the store must be closed */

#endif
