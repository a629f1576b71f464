/* Any body at all: it is classified or refused, and what comes out keeps to the promises of message.h and trim.h. */
#include "common/json.h"
#include "proxy/decide/classify.h"
#include "proxy/decide/classify_print.h"
#include "proxy/decide/trim.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_facts(const struct item *item) {
    require(item->fact_count <= ITEM_FACT_MAX);
    for (size_t i = 0; i < item->fact_count; i++) {
        struct str key = item->facts[i].key;
        require(key.len > 0 && key.len <= FACT_KEY_MAX && memchr(key.at, '\0', key.len) == NULL);
    }
}

/* Without every other element the body is still JSON, and has as many elements fewer. */
static void check_trim(const struct catalog *catalog, struct str body, const struct message *message,
                       struct arena *arena) {
    struct message again = {0};
    struct str trimmed;
    bool covered[ITEM_MAX];
    size_t kept = 0;
    for (size_t i = 0; i < message->item_count; i++) {
        covered[i] = i % 2 == 1;
        kept += !covered[i];
    }
    require(trim_body(body, message->items, message->item_count, covered, arena, &trimmed) == ERR_NONE);
    require(classify(catalog, trimmed, arena, &again, NULL) == ERR_NONE);
    require(again.item_count == kept && str_eq(again.type, message->type));
}

static void check_message(const struct catalog *catalog, struct str body, const struct message *message,
                          struct arena *arena) {
    const struct json_limits limits = {64, 200000, false, false, false};
    struct strbuf line = {0};
    struct json *root;
    require(message->item_count >= 1 && message->item_count <= ITEM_MAX && message->label.len > 0);
    for (size_t i = 0; i < message->item_count; i++)
        check_facts(&message->items[i]);
    classify_print(message, &line);
    require(json_parse(arena, strbuf_str(&line), &limits, &root, NULL) == ERR_NONE);
    strbuf_clear(&line);
    if (message->item_count > 1)
        check_trim(catalog, body, message, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct catalog *catalog;
    if (catalog == NULL)
        catalog = catalog_builtin();
    struct arena *arena = arena_new(0);
    struct message message = {0};
    struct json_error error = {.what = ""};
    struct str body = str_slice((const char *)data, size);
    if (classify(catalog, body, arena, &message, &error) == ERR_NONE)
        check_message(catalog, body, &message, arena);
    else
        require(strlen(error.what) > 0 && error.line > 0 && error.column > 0);
    arena_free(arena);
    return 0;
}
