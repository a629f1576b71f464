/* One request to the admin port while it is answered, and the handlers that do so. A call lives in the arena of its
 * exchange; whoever answers later may use it until then. */
#ifndef PROXY_ADMIN_CALL_H
#define PROXY_ADMIN_CALL_H

#include "proxy/admin/admin.h"
#include "proxy/admin/answer.h"
#include "proxy/admin/live.h"
#include "proxy/admin/parity_watch.h"
#include "proxy/admin/pulse.h"
#include "proxy/admin/query.h"
#include "proxy/admin/rehearse.h"
#include "proxy/flow/fields.h"

struct admin {
    struct service *service;
    struct loop *loop;
    struct httpd *httpd;
    struct pulse *pulse;
    struct live *live;
    struct parity_watch *parity_watch;
    struct rehearse *rehearse;
    bool listening;
    int64_t reloaded_ms;              /* the last try; 0: none since the start */
    struct err_detail reload_trouble; /* of it; empty where it went well */
};

struct admin_call {
    struct admin *admin;
    struct httpd_exchange *exchange;
    const struct http_request *request;
    struct arena *arena;
    struct str id; /* what stands for the star of the route */
    struct query query;
    bool has_token; /* bodies may be shown */
};

typedef void admin_handler(struct admin_call *call);

/* health.c */
admin_handler admin_healthz, admin_readyz, admin_metrics, admin_flow;
/* Why it is not ready, for people; NULL where it is. In the arena or static. */
const char *admin_why_not_ready(struct admin *admin, struct arena *arena);

admin_handler admin_status, admin_flags;                                        /* status.c */
admin_handler admin_parity;                                                     /* parity.c */
admin_handler admin_rehearse_begin, admin_rehearse_show, admin_rehearse_cancel; /* rehearse.c */
admin_handler admin_fields;                                                     /* fields.c */
admin_handler admin_messages, admin_message;                                    /* messages.c */
admin_handler admin_backup;                                                     /* backup.c */
admin_handler admin_audit;                                                      /* audit.c */
admin_handler admin_replay_one, admin_replay_many;                              /* replays.c */
admin_handler admin_page, admin_access;                                         /* pages.c */

#endif
