/* From settings to the parts that `serve` runs: catalogue, keys, health, counters. */
#ifndef PROXY_APP_SETUP_H
#define PROXY_APP_SETUP_H

#include "proxy/flow/service.h"

/* Fills what settings determine; the store, the snapshots and the workers are for others. `settings`, in which types
 * get the catalogue's names, and their arena must outlive the service. ERR_INVALID with one line of detail per problem
 * in `problems`. */
enum err setup_service(struct settings *settings, struct arena *arena, struct service *service,
                       struct strbuf *problems) MUST_USE;
void setup_clear(struct service *service); /* frees what setup_service() made, secrets wiped */

/* What decisions rest on, from the settings; points into them. */
struct ledger_policy setup_policy(const struct service *service);

#endif
