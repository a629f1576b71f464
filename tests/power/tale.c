#include "tests/power/tale.h"

#include "tests/model/random.h"

enum { BODY_MAX = 6000 };

bool tale_is_read(uint64_t occurrence) {
    return occurrence % 3 == 0;
}

static void add_fact(struct arena *arena, struct item *item, struct str key, enum fact_match match) {
    if (item->facts == NULL)
        item->facts = ARENA_ARRAY(arena, 2, struct fact);
    item->facts[item->fact_count++] = (struct fact){key, match};
}

static void tell_facts(struct arena *arena, const struct tale *tale, struct message *message) {
    unsigned long long number = tale->occurrence;
    bool has_all = tale_is_read(number) && tale->generation == GENERATION_EVENT;
    message->item_count = has_all ? TALE_PARTS : 1;
    message->items = ARENA_ARRAY(arena, message->item_count, struct item);
    for (size_t i = 0; i < message->item_count; i++) {
        struct item *item = &message->items[i];
        unsigned part = has_all ? (unsigned)i : tale->part;
        if (tale_is_read(number)) {
            add_fact(arena, item, arena_printf(arena, "read/c%llu/%u/completed", number, part), MATCH_WINDOW);
            continue;
        }
        add_fact(arena, item, arena_printf(arena, "write/%llu/successful", number * 0x9E3779B97F4A7C15U), MATCH_EXACT);
        add_fact(arena, item, arena_printf(arena, "same-id/Push/%llu", number), MATCH_EXACT);
    }
}

struct message tale_message(struct arena *arena, const struct tale *tale, int64_t now_ms) {
    bool is_rule = tale->generation == GENERATION_RULE, read = tale_is_read(tale->occurrence);
    struct message message = {
        .generation = tale->generation,
        .endpoint = is_rule ? ENDPOINT_LEGACY : ENDPOINT_NEW,
        .type_known = true,
        .counterpart = read ? STR("read.completed") : STR("invoices.write.successful"),
        .company = arena_printf(arena, "c%llu", (unsigned long long)tale->occurrence % 40),
        .rule_id = is_rule ? STR("7") : STR_NONE,
        .webhook_id = arena_printf(arena, "msg_%d_%llu_%u", (int)tale->generation, (unsigned long long)tale->occurrence,
                                   tale->part),
        .generated_ms = -1,
        .received_ms = now_ms,
        .time_ms = now_ms,
        .target = STR("/webhooks"),
        .trace_parent = STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    };
    message.type = !is_rule ? message.counterpart : read ? STR("DataSyncCompleted") : STR("PushOperationStatusChanged");
    tell_facts(arena, tale, &message);
    return message;
}

/* Of any length, and like no other. */
struct content tale_content(struct arena *arena, const struct tale *tale) {
    struct random random = {tale->occurrence * 7 + tale->part + (uint64_t)tale->generation};
    size_t len = 100 + random_below(&random, random_chance(&random, 10) ? BODY_MAX : 900);
    char *body = arena_alloc(arena, len);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('!' + random_below(&random, 90));
    return (struct content){STR("content-type: application/json\n"), str_slice(body, len)};
}
