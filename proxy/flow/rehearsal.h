/* What would have happened under other flags and settings: the stored messages of a period are admitted again, in the
 * order in which they came, into a scratch ledger in memory. Its consumers answer 200 at once, and its clock is that of
 * the messages, running on to the end of all waits.
 *
 * Belongs to one thread. */
#ifndef PROXY_FLOW_REHEARSAL_H
#define PROXY_FLOW_REHEARSAL_H

#include "proxy/store/ledger_audit.h"

struct rehearsal;

struct rehearsal_options {
    const struct ledger_policy *policy; /* copied; `arg` must outlive the rehearsal */
    ledger_flag_fn *flag;
    void *flags;
    size_t messages_max;
};

struct rehearsal *rehearsal_new(const struct rehearsal_options *options) MUST_USE;
void rehearsal_free(struct rehearsal *rehearsal); /* NULL is fine */

/* The next message, as the real store has it. ERR_LIMIT: there are more than `messages_max`. */
enum err rehearsal_admit(struct rehearsal *rehearsal, const struct record *record, struct err_detail *detail) MUST_USE;
/* Lets all waits pass. */
enum err rehearsal_finish(struct rehearsal *rehearsal, struct err_detail *detail) MUST_USE;

/* The scratch ledger, to be audited, and the real id of one of its messages. */
struct ledger *rehearsal_ledger(struct rehearsal *rehearsal);
uint64_t rehearsal_real_id(const struct rehearsal *rehearsal, uint64_t scratch_id);
size_t rehearsal_message_count(const struct rehearsal *rehearsal);

#endif
