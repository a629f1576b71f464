/* What classify() found, as one line of JSON. */
#ifndef PROXY_DECIDE_CLASSIFY_PRINT_H
#define PROXY_DECIDE_CLASSIFY_PRINT_H

#include "common/str.h"
#include "proxy/model/message.h"

/* Appends {"generation", "type", "id", "company", "items"} and a line feed; what is absent is null, "items" is a
 * list of lists of fact keys. */
void classify_print(const struct message *message, struct strbuf *out);

#endif
