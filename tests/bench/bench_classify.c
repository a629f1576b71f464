/* What reading a body costs, for each catalogue that is built in: bodies of about one length, so that the lines can be
 * compared with each other, and with those of another build (classify.py alternates two). */
#include "common/clock.h"
#include "common/mem.h"
#include "proxy/decide/classify.h"

#include <stdio.h>
#include <stdlib.h>

enum { WARM = 20000, TIMES = 200000, BODY_LEN = 900 };

struct line {
    const char *name, *before, *after; /* of the filling */
};

static const struct line lines[] = {
    {"codat rule",
     "{\"AlertId\":\"a45a\",\"RuleId\":\"70af\",\"ClientId\":\"bae7\",\"CompanyId\":\"1e76\",\"DataConnectionId\":"
     "\"2e9d\","
     "\"RuleType\":\"Data sync completed\",\"Message\":\"",
     "\",\"Data\":{\"dataType\":\"invoices\",\"datasetId\":\"dec9\"}}"},
    {"codat event",
     "{\"id\":\"743e\",\"eventType\":\"invoices.write.successful\",\"generatedDate\":\"2024-09-01T00:00:00.000Z\","
     "\"payload\":{\"id\":\"p1\",\"status\":\"Success\",\"referenceCompany\":{\"id\":\"1e76\",\"name\":\"",
     "\"}}}"},
    {"pagerduty rule",
     "{\"messages\":[{\"event\":\"incident.trigger\",\"id\":\"69a7\",\"created_on\":\"2026-05-01T10:00:00Z\","
     "\"webhook\":"
     "{\"id\":\"PHOOK01\"},\"incident\":{\"id\":\"PINC001\",\"title\":\"",
     "\",\"service\":{\"id\":\"PSVC001\"}}}]}"},
    {"pagerduty event",
     "{\"event\":{\"id\":\"01EV\",\"event_type\":\"incident.triggered\",\"occurred_at\":\"2026-05-01T10:00:00.169Z\","
     "\"data\":{\"id\":\"PINC001\",\"title\":\"",
     "\",\"service\":{\"id\":\"PSVC001\"}}}}"},
    {"stripe rule",
     "{\"id\":\"evt_1B\",\"object\":\"event\",\"created\":1777629610,\"type\":\"invoice.paid\",\"data\":{\"object\":{"
     "\"id\":"
     "\"in_1\",\"text\":\"",
     "\"}}}"},
    {"stripe event",
     "{\"id\":\"evt_6\",\"object\":\"v2.core.event\",\"type\":\"v1.invoice.paid\",\"created\":\"2026-05-01T10:00:10."
     "246Z\","
     "\"snapshot_event\":\"evt_1B\",\"related_object\":{\"id\":\"in_1\",\"text\":\"",
     "\"}}"},
};

static struct str fill(const struct line *line, char body[BODY_LEN]) {
    size_t before = strlen(line->before), after = strlen(line->after);
    memset(body, 'x', BODY_LEN);
    memcpy(body, line->before, before);
    memcpy(body + BODY_LEN - after, line->after, after);
    return str_slice(body, BODY_LEN);
}

static double measure(const struct catalog *catalog, struct str body, int times) {
    struct arena *arena = arena_new(16 * 1024);
    int64_t began_us = clock_mono_us();
    for (int i = 0; i < times; i++) {
        struct message message = {0};
        arena_reset(arena);
        if (classify(catalog, body, arena, &message, NULL) != ERR_NONE || message.generation == GENERATION_UNKNOWN ||
            message.items[0].fact_count == 0)
            abort();
    }
    double ns = (double)(clock_mono_us() - began_us) * 1000 / times;
    arena_free(arena);
    return ns;
}

#ifdef ONLY_FIRST /* built against a version that has one catalogue */
#define CATALOG_OF(line) ((line) < 2 ? catalog_builtin() : NULL)
#else
#include "proxy/decide/catalog_load.h"

static struct catalog *CATALOG_OF(size_t line) {
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    const struct catalog_built_in one = catalog_built_in_at(line / 2);
    if (catalog_load(one.text, one.file, &catalog, &problems) != ERR_NONE)
        abort();
    return catalog;
}
#endif

int main(void) {
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char body[BODY_LEN];
        struct catalog *catalog = CATALOG_OF(i);
        if (catalog == NULL)
            continue;
        struct str text = fill(&lines[i], body);
        (void)measure(catalog, text, WARM);
        printf("%-16s %8.0f ns\n", lines[i].name, measure(catalog, text, TIMES));
        catalog_free(catalog);
    }
    return 0;
}
