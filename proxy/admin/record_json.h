/* Stored messages as JSON, as the API shows them. */
#ifndef PROXY_ADMIN_RECORD_JSON_H
#define PROXY_ADMIN_RECORD_JSON_H

#include "common/json.h"
#include "proxy/store/ledger.h"

/* An object: what a list shows of each message. */
void record_json(struct json_writer *json, struct arena *arena, const struct record *record);

/* An object: everything that is known of one message. The body and the query of its request only `with_content`; values
 * of headers that carry secrets never. */
void story_json(struct json_writer *json, struct arena *arena, const struct story *story, bool with_content);

#endif
