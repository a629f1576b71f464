/* The rehearsal that the admin port runs, if any. Belongs to the main loop. */
#ifndef PROXY_ADMIN_REHEARSE_H
#define PROXY_ADMIN_REHEARSE_H

#include "common/loop.h"
#include "proxy/flow/service.h"

struct rehearse;

struct rehearse *rehearse_new(struct service *service, struct loop *loop) MUST_USE;
void rehearse_free(struct rehearse *rehearse); /* when the store no longer answers; NULL is fine */

#endif
