#include "proxy/decide/classify_print.h"

#include "common/json.h"

static void print_text(struct json_writer *writer, const char *key, struct str text) {
    json_key(writer, key);
    json_str(writer, text);
}

static void print_items(struct json_writer *writer, const struct message *message) {
    json_key(writer, "items");
    json_array_begin(writer);
    for (size_t i = 0; i < message->item_count; i++) {
        json_array_begin(writer);
        for (size_t k = 0; k < message->items[i].fact_count; k++)
            json_str(writer, message->items[i].facts[k].key);
        json_array_end(writer);
    }
    json_array_end(writer);
}

void classify_print(const struct message *message, struct strbuf *out) {
    struct json_writer writer;
    json_begin(&writer, out);
    json_object_begin(&writer);
    print_text(&writer, "generation", str_of(generation_name(message->generation)));
    print_text(&writer, "type", message->type);
    print_text(&writer, "id", message->body_id);
    print_text(&writer, "company", message->company);
    print_items(&writer, message);
    json_object_end(&writer);
    strbuf_append_char(out, '\n');
}
