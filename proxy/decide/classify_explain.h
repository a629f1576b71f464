/* Why a body is read as it is: for whoever writes a catalogue. */
#ifndef PROXY_DECIDE_CLASSIFY_EXPLAIN_H
#define PROXY_DECIDE_CLASSIFY_EXPLAIN_H

#include "proxy/decide/classify.h"

/* Appends, per shape, whether it fits and why not, and per variable the path that gave its value; for the first
 * message of a body that holds many. ERR_NOT_FOUND where no shape fits; ERR_INVALID or ERR_LIMIT as classify(). */
enum err classify_explain(const struct catalog *catalog, const struct classify_input *input, struct strbuf *out,
                          struct json_error *error) MUST_USE;

#endif
