/* The built-in bodies hold placeholders in place of ids: "@company" becomes a fresh one, the same wherever it stands in
 * one occurrence, and "@now" the time. They are replaced in the text, so that a body is sent as it is written there. */
#include "proxy/app/demo_script.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/random.h"
#include "demo_bodies_json.h"

#include <stdlib.h>

enum { NAME_MAX_COUNT = 32 };

struct demo_script {
    struct arena *arena;
    struct str text; /* of the bodies */
    const struct json *kinds;
    struct demo_occurrence *first, **end;
    struct demo_message *messages;
};

/* The ids of one occurrence by the names of their placeholders. */
struct names {
    struct str names[NAME_MAX_COUNT], values[NAME_MAX_COUNT];
    size_t count;
};

static const struct json_limits limits = {.depth = 16, .values = 100000};

struct demo_script *demo_script_new(struct arena *arena) {
    struct demo_script *script = ARENA_NEW(arena, struct demo_script);
    struct json *root;
    script->arena = arena;
    script->text = str_slice((const char *)demo_bodies_json, demo_bodies_json_len);
    script->end = &script->first;
    if (json_parse(arena, script->text, &limits, &root, NULL) != ERR_NONE)
        abort(); /* it is part of the program */
    script->kinds = root;
    return script;
}

size_t demo_script_kinds(const struct demo_script *script) {
    return script->kinds->count;
}

const struct json *demo_script_kind(const struct demo_script *script, size_t kind) {
    const struct json *template = script->kinds->first;
    while (kind-- > 0)
        template = template->next;
    return template;
}

struct demo_occurrence *demo_script_first(const struct demo_script *script) {
    return script->first;
}

/* RFC 9562 section 5.4: random but for version and variant. */
static struct str fresh_uuid(struct arena *arena) {
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    return arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                        b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static struct str value_of(struct names *names, struct arena *arena, struct str name) {
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->names[i], name))
            return names->values[i];
    if (names->count == NAME_MAX_COUNT)
        abort(); /* more than any built-in body has */
    names->names[names->count] = name;
    names->values[names->count] =
        str_eq(name, STR("now")) ? clock_format_rfc3339(arena, clock_wall_ms()) : fresh_uuid(arena);
    return names->values[names->count++];
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static struct str fill_in(struct arena *arena, struct str text, struct names *names) {
    struct strbuf out = {0};
    for (size_t i = 0; i < text.len;) {
        if (text.at[i] != '@') {
            strbuf_append_char(&out, text.at[i++]);
            continue;
        }
        size_t begin = ++i;
        while (i < text.len && is_name_char(text.at[i]))
            i++;
        strbuf_append(&out, value_of(names, arena, str_slice(text.at + begin, i - begin)));
    }
    struct str filled = arena_str(arena, strbuf_str(&out));
    strbuf_clear(&out);
    return filled;
}

static struct demo_message *add_message(struct demo_script *script, struct demo_occurrence *occurrence,
                                        enum generation generation, const struct json *body, struct names *names) {
    struct demo_message *message = ARENA_NEW(script->arena, struct demo_message);
    struct str template = str_slice(script->text.at + body->start, body->end - body->start);
    bool is_event = generation == GENERATION_EVENT;
    message->occurrence = occurrence;
    message->generation = generation;
    message->key = fill_in(script->arena, json_string(json_get(body, is_event ? STR("id") : STR("AlertId"))), names);
    message->body = fill_in(script->arena, template, names);
    if (is_event)
        message->webhook_id = arena_printf(script->arena, "msg_" STR_FMT, STR_ARG(fresh_uuid(script->arena)));
    message->next = script->messages;
    script->messages = message;
    return message;
}

static size_t find_item(const struct demo_occurrence *occurrence, struct str data_type) {
    for (size_t i = 0; i < occurrence->item_count; i++)
        if (str_eq(occurrence->items[i], data_type))
            return i;
    return 0; /* it has but one */
}

static void read_items(struct demo_occurrence *occurrence, const struct json *items) {
    if (items == NULL || items->count > DEMO_ITEM_MAX) {
        occurrence->item_count = 1;
        return;
    }
    for (const struct json *each = items->first; each != NULL; each = each->next)
        occurrence->items[occurrence->item_count++] = each->text;
}

struct demo_occurrence *demo_script_add(struct demo_script *script, size_t kind, const char *phase,
                                        enum demo_order order) {
    struct demo_occurrence *occurrence = ARENA_NEW(script->arena, struct demo_occurrence);
    struct names names = {.count = 0};
    const struct json *template = demo_script_kind(script, kind);
    occurrence->what = json_string(json_get(template, STR("what")));
    occurrence->phase = phase;
    occurrence->order = order;
    read_items(occurrence, json_get(template, STR("items")));
    for (const struct json *rule = json_get(template, STR("rules"))->first;
         rule != NULL && occurrence->rule_count < DEMO_RULE_MAX; rule = rule->next) {
        struct demo_message *message = add_message(script, occurrence, GENERATION_RULE, rule, &names);
        message->item = find_item(occurrence, json_string(json_path(rule, STR("Data.dataType"))));
        occurrence->rules[occurrence->rule_count++] = message;
    }
    occurrence->event = add_message(script, occurrence, GENERATION_EVENT, json_get(template, STR("event")), &names);
    *script->end = occurrence;
    script->end = &occurrence->next;
    return occurrence;
}

static void note_items(struct demo_message *event, const struct json *body) {
    const struct json *types = json_path(body, STR("payload.dataTypes"));
    if (event->occurrence->item_count == 1) {
        event->item_received[0] = true;
        return;
    }
    for (const struct json *each = types == NULL ? NULL : types->first; each != NULL; each = each->next)
        event->item_received[find_item(event->occurrence, json_string(json_get(each, STR("dataType"))))] = true;
}

bool demo_script_note(struct demo_script *script, enum endpoint endpoint, struct str body) {
    struct arena *arena = arena_new(0);
    struct json *root = NULL;
    struct demo_message *message = NULL;
    if (json_parse(arena, body, &limits, &root, NULL) == ERR_NONE) {
        struct str key = json_string(json_get(root, STR("AlertId")));
        if (key.at == NULL)
            key = json_string(json_get(root, STR("id")));
        message = script->messages;
        while (message != NULL && !str_eq(message->key, key))
            message = message->next;
    }
    if (message != NULL) {
        message->received[endpoint]++;
        if (message->generation == GENERATION_EVENT)
            note_items(message, root);
    }
    arena_free(arena);
    return message != NULL;
}

static bool received_in_order(const struct demo_message *message, enum endpoint own) {
    return message->received[own] <= 1 && message->received[endpoint_other(own)] == 0;
}

bool demo_is_handled_once(const struct demo_occurrence *occurrence) {
    bool by_rule[DEMO_ITEM_MAX] = {false};
    bool good = received_in_order(occurrence->event, ENDPOINT_NEW);
    for (size_t r = 0; r < occurrence->rule_count; r++) {
        const struct demo_message *rule = occurrence->rules[r];
        good = good && received_in_order(rule, ENDPOINT_LEGACY);
        by_rule[rule->item] = by_rule[rule->item] || rule->received[ENDPOINT_LEGACY] > 0;
    }
    for (size_t i = 0; i < occurrence->item_count; i++)
        good = good && by_rule[i] != occurrence->event->item_received[i];
    return good;
}
