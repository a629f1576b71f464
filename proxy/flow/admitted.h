/* What is told of a message that was admitted: to the log, and to the metrics. Any thread. */
#ifndef PROXY_FLOW_ADMITTED_H
#define PROXY_FLOW_ADMITTED_H

#include "proxy/flow/service.h"

/* "accepted", "partial", ...: the word in Hookshift-Outcome. */
const char *admitted_outcome(enum admit_outcome outcome);

/* One line of the log, its outcome and the twins that it met as metrics. `scratch`: for the texts. */
void admitted_tell(const struct service *service, struct arena *scratch, const struct message *message,
                   const struct admission *admission);

#endif
