/* expand: legacy takes everything, the new side only listens. both: each takes what comes first, for some or for all.
 * contract: the new side takes everything. */
#include "proxy/admin/stage.h"

#include "common/clock.h"

struct stage stage_of(const struct flags *flags, struct arena *arena) {
    const struct flag_context nobody = {.targeting_key = STR("")};
    bool on[2], rules[2];
    const enum consumer_flag consumers[2] = {FLAG_LEGACY_CONSUMER, FLAG_NEW_CONSUMER};
    for (size_t i = 0; i < ARRAY_LEN(consumers); i++) {
        on[i] = flags_consumer(flags, consumers[i], &nobody, clock_wall_ms() / 1000, arena).on;
        rules[i] = flags_consumer_is_targeted(flags, consumers[i]);
    }
    if (rules[0] || rules[1])
        return (struct stage){"both", "both, in part: rules decide message by message who takes it"};
    if (on[0] && on[1])
        return (struct stage){"both", "both: whoever comes first takes an occurrence"};
    if (on[0])
        return (struct stage){"expand", "expand: legacy takes everything"};
    if (on[1])
        return (struct stage){"contract", "contract: the new consumer takes everything"};
    return (struct stage){"neither", "NEITHER consumer is on: everything is parked"};
}
