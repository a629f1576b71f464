/* One info line for each message, also where a body brings many: each has a life of its own from here on. */
#include "proxy/flow/admitted.h"

#include "common/log.h"

const char *admitted_outcome(enum admit_outcome outcome) {
    static const char *const names[] = {
        [ADMIT_ACCEPTED] = "accepted", [ADMIT_PARTIAL] = "partial",       [ADMIT_HELD] = "held",
        [ADMIT_PARKED] = "parked",     [ADMIT_SUPPRESSED] = "suppressed", [ADMIT_DUPLICATE] = "duplicate",
        [ADMIT_REFUSED] = "rejected",
    };
    return names[outcome];
}

static void count_pair(struct counters *counters, const struct parity_pair *pair) {
    int64_t skew_ms = pair->event_ms - pair->rule_ms;
    counters_twin(counters, pair->type, skew_ms < 0 ? GENERATION_EVENT : GENERATION_RULE,
                  skew_ms < 0 ? -skew_ms : skew_ms);
}

/* What is odd about the message, and does not keep it out. */
static void note_oddities(struct counters *counters, struct arena *scratch, const struct message *message,
                          const struct admission *admission) {
    for (size_t i = 0; i < admission->near_miss_count; i++)
        counters_near_miss(counters, admission->near_misses[i].type);
    if (message->time_unreadable)
        counters_unreadable_time(counters, message->generation);
    if (admission->namesake == 0)
        return;
    counters_identity_conflict(counters, message->generation);
    LOG(LOG_WARN, "a message has the identity of an earlier one and states something else; both are kept",
        LOG_STR("message", message_id_format(scratch, admission->id)),
        LOG_STR("earlier", message_id_format(scratch, admission->namesake)),
        LOG_TEXTZ("generation", generation_name(message->generation)),
        LOG_STR(message->type.len > 0 ? "type" : NULL, message->type),
        LOG_TEXTZ("hint", "the sender must give each message an id of its own"));
}

void admitted_tell(const struct service *service, struct arena *scratch, const struct message *message,
                   const struct admission *admission) {
    counters_message(service->counters, message, admitted_outcome(admission->outcome));
    LOG(LOG_INFO, "message admitted", LOG_STR("message", message_id_format(scratch, admission->id)),
        LOG_TEXTZ("outcome", admitted_outcome(admission->outcome)),
        LOG_TEXTZ("generation", generation_name(message->generation)),
        LOG_STR(message->type.len > 0 ? "type" : NULL, message->type),
        LOG_STR(message->company.len > 0 ? "company" : NULL, message->company),
        LOG_STR("traceparent", message->trace_parent));
    for (size_t i = 0; i < admission->pair_count; i++)
        count_pair(service->counters, &admission->pairs[i]);
    note_oddities(service->counters, scratch, message, admission);
}
