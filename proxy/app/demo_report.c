#include "proxy/app/demo_report.h"

#include "common/json.h"
#include "proxy/app/table.h"

#include <stdio.h>

static void print(const struct table *table) {
    struct strbuf out = {0};
    table_print(table, &out);
    printf("\n" STR_FMT, STR_ARG(strbuf_str(&out)));
    strbuf_clear(&out);
}

void demo_report_kinds(const struct demo_script *script) {
    static const char *const headings[] = {"occurrence", "alert (RuleType)", "event (eventType)", NULL};
    struct arena *arena = arena_new(0);
    struct table *table = table_new(arena, headings);
    for (size_t kind = 0; kind < demo_script_kinds(script); kind++) {
        const struct json *template = demo_script_kind(script, kind), *rule = json_get(template, STR("rules"))->first;
        struct str event = json_string(json_path(template, STR("event.eventType"))), last;
        table_add(table, (const struct str[]){json_string(json_get(template, STR("what"))),
                                              json_string(json_get(rule, STR("RuleType"))), event});
        for (last = json_string(json_get(rule, STR("RuleType"))); rule != NULL; rule = rule->next) {
            struct str type = json_string(json_get(rule, STR("RuleType")));
            if (!str_eq(type, last))
                table_add(table, (const struct str[]){STR_NONE, type, STR_NONE});
            last = type;
        }
    }
    print(table);
    arena_free(arena);
}

static const char *order_text(enum demo_order order) {
    static const char *const texts[] = {
        [DEMO_RULES_FIRST] = "alert",
        [DEMO_EVENT_FIRST] = "event",
        [DEMO_EVENT_BETWEEN] = "alert, event, alerts",
        [DEMO_EVENT_ONLY] = "event; alert lost",
    };
    return texts[order];
}

static struct str legacy_text(struct arena *arena, const struct demo_occurrence *occurrence) {
    unsigned count = 0;
    for (size_t r = 0; r < occurrence->rule_count; r++)
        count += occurrence->rules[r]->received[ENDPOINT_LEGACY];
    if (count == 0)
        return STR("-");
    if (occurrence->rule_count == 1 && count == 1)
        return STR("alert");
    return arena_printf(arena, "%u of %zu alerts", count, occurrence->rule_count);
}

static struct str new_text(struct arena *arena, const struct demo_occurrence *occurrence) {
    const struct demo_message *event = occurrence->event;
    size_t items = 0;
    if (event->received[ENDPOINT_NEW] == 0)
        return STR("-");
    for (size_t i = 0; i < occurrence->item_count; i++)
        items += event->item_received[i] ? 1 : 0;
    if (event->received[ENDPOINT_NEW] > 1)
        return arena_printf(arena, "event %u times", event->received[ENDPOINT_NEW]);
    if (items == occurrence->item_count)
        return STR("event");
    return arena_printf(arena, "event, %zu of %zu types", items, occurrence->item_count);
}

static size_t received_by_legacy(const struct demo_occurrence *occurrence) {
    size_t count = 0;
    for (size_t r = 0; r < occurrence->rule_count; r++)
        count += occurrence->rules[r]->received[ENDPOINT_LEGACY];
    return count;
}

size_t demo_report_result(const struct demo_script *script) {
    static const char *const headings[] = {"occurrence",   "phase",        "first sent", "legacy received",
                                           "new received", "handled once", NULL};
    struct arena *arena = arena_new(0);
    struct table *table = table_new(arena, headings);
    size_t count = 0, wrong = 0, by_legacy = 0, by_new = 0;
    for (const struct demo_occurrence *each = demo_script_first(script); each != NULL; each = each->next) {
        bool good = demo_is_handled_once(each);
        table_add(table,
                  (const struct str[]){each->what, str_of(each->phase), str_of(order_text(each->order)),
                                       legacy_text(arena, each), new_text(arena, each), good ? STR("✓") : STR("✗")});
        count++;
        wrong += good ? 0 : 1;
        by_new += each->event->received[ENDPOINT_NEW];
        by_legacy += received_by_legacy(each);
    }
    print(table);
    printf("\nlegacy received %zu alerts, new received %zu events.\nHandled exactly once: %zu of %zu occurrences.\n",
           by_legacy, by_new, count - wrong, count);
    arena_free(arena);
    return wrong;
}
