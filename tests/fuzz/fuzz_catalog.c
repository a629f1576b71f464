/* Any file for a catalogue: it is refused with a reason, or it is good enough to classify with. */
#include "common/mem.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/classify.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const bodies[] = {
        "{\"RuleType\":\"Sync Failed\",\"AlertId\":\"a\",\"CompanyId\":\"c\",\"Data\":{\"syncId\":\"s\"}}",
        "{\"id\":\"e\",\"eventType\":\"read.completed\",\"payload\":{\"dataTypes\":[{\"dataType\":\"d\"},1]}}"};
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    if (catalog_load(str_slice((const char *)data, size), "f", &catalog, &problems) != ERR_NONE) {
        if (catalog != NULL || problems.len == 0)
            abort();
        strbuf_clear(&problems);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct arena *arena = arena_new(0);
        struct message message = {0};
        if (classify(catalog, str_of(bodies[i]), arena, &message, NULL) != ERR_NONE || message.item_count == 0)
            abort();
        arena_free(arena);
    }
    catalog_free(catalog);
    return 0;
}
