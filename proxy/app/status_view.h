/* What `status` shows, written from the answers of the API. */
#ifndef PROXY_APP_STATUS_VIEW_H
#define PROXY_APP_STATUS_VIEW_H

#include "common/json.h"
#include "proxy/app/table.h"

struct status_answers {
    struct str url;
    const struct json *status, *flags, *parity;
};

/* Lines for people. `columns`: of the terminal, 0: no limit. */
void status_write_text(struct arena *arena, const struct status_answers *answers, size_t columns, struct strbuf *out);
/* One object: the members of /api/status, "flags", "verdict" and "reasons". */
void status_write_json(const struct status_answers *answers, struct strbuf *out);

#endif
