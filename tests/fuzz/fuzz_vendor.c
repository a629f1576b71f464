/* A catalogue and a body together, with a NUL between them: whatever both are, each message that is read of the body
 * has items, and a body that was taken apart can be read again as the messages that it became. */
#include "proxy/decide/catalog_examples.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/classify_explain.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void read_part(const struct catalog *catalog, const struct classify_input *whole, struct arena *arena,
                      const struct message_part *part) {
    struct classify_input input = *whole;
    struct message again = {0};
    struct message_parts parts;
    input.body = part->body;
    require(part->message.item_count > 0);
    require(classify_messages(catalog, &input, arena, &again, &parts, NULL) == ERR_NONE);
    require(parts.count == 0 && again.generation == part->message.generation);
    require(str_eq(again.type, part->message.type) && again.item_count == part->message.item_count);
}

static void read_body(const struct catalog *catalog, struct str body) {
    static const struct http_header headers[] = {{{"X-Kind", 6}, {"a", 1}}};
    const struct classify_input input = {body, headers, 1, {"/hooks/a?b", 10}};
    struct arena *arena = arena_new(0);
    struct message message = {0};
    struct message_parts parts;
    struct strbuf out = {0};
    enum err err = classify_messages(catalog, &input, arena, &message, &parts, NULL);
    require(err != ERR_NONE || message.item_count > 0);
    for (size_t i = 0; err == ERR_NONE && i < parts.count; i++)
        read_part(catalog, &input, arena, &parts.at[i]);
    (void)!classify_explain(catalog, &input, &out, NULL);
    strbuf_clear(&out);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = str_slice((const char *)data, size), text;
    struct catalog *catalog = NULL;
    struct strbuf problems = {0}, out = {0};
    struct examples_result result;
    if (!str_next(&rest, '\0', &text) || catalog_load(text, "f", &catalog, &problems) != ERR_NONE) {
        strbuf_clear(&problems);
        return 0;
    }
    examples_try(catalog, 1000, &out, &result);
    read_body(catalog, rest.at != NULL ? rest : STR("{}"));
    catalog_free(catalog);
    catalog = NULL;
    if (catalog_load_checked(text, "f", &catalog, &problems) == ERR_NONE)
        catalog_free(catalog);
    strbuf_clear(&problems);
    strbuf_clear(&out);
    return 0;
}
