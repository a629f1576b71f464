/* Asks the store for what the verdict rests on, in steps so small that messages pass between them, and judges it. */
#ifndef PROXY_FLOW_PARITY_ASK_H
#define PROXY_FLOW_PARITY_ASK_H

#include "common/loop.h"
#include "proxy/decide/verdict.h"
#include "proxy/flow/fields.h"
#include "proxy/flow/service.h"

struct parity_ask;

struct parity_answer {
    enum err err; /* of the store: then there is nothing but `detail` */
    struct err_detail detail;
    struct arena *arena; /* everything below lives in it; gone after the call */
    struct verdict_evidence evidence;
    struct verdict_report report;
    const struct fields *fields; /* may be NULL */
};

/* On the loop's thread; it may begin the next ask. */
typedef void parity_done_fn(void *arg, const struct parity_answer *answer);

/* Over [since_ms, now]. On the thread of the loop. */
struct parity_ask *parity_ask_new(const struct service *service, struct loop *loop, int64_t since_ms,
                                  parity_done_fn *done, void *arg);
/* Only for one whose done() has not been called and, because store and loop have ended, never will be. */
void parity_ask_free(struct parity_ask *ask);

/* {"verdict", "stage", "question", "reasons", "since", "until", "types", "all", "without_replacement", "fields"} */
void parity_answer_write(const struct parity_answer *answer, struct strbuf *out);

#endif
