#include "proxy/admin/record_json.h"

#include "common/clock.h"
#include "proxy/admin/story.h"
#include "proxy/flow/headers.h"

static void member(struct json_writer *json, const char *key, struct str value) {
    if (value.len == 0)
        return;
    json_key(json, key);
    json_str(json, value);
}

static void member_time(struct json_writer *json, struct arena *arena, const char *key, int64_t ms) {
    json_key(json, key);
    json_str(json, clock_format_rfc3339(arena, ms));
}

static void member_number(struct json_writer *json, const char *key, int64_t value) {
    json_key(json, key);
    json_int(json, value);
}

static void member_bool(struct json_writer *json, const char *key, bool value) {
    json_key(json, key);
    json_bool(json, value);
}

static void write_record(struct json_writer *json, struct arena *arena, const struct record *record) {
    member(json, "id", message_id_format(arena, record->id));
    member(json, "state", str_of(state_name(record->state)));
    member(json, "generation", str_of(generation_name(record->generation)));
    member(json, "endpoint", str_of(endpoint_name(record->endpoint)));
    member(json, "type", record->type);
    member(json, "counterpart", record->counterpart);
    member(json, "company", record->company);
    member(json, "connection", record->connection);
    member(json, "data_type", record->data_type);
    member(json, "rule_id", record->rule_id);
    member_time(json, arena, "received", record->received_ms);
    member_time(json, arena, "happened", record->time_ms);
    member_time(json, arena, "changed", record->changed_ms);
    if (record->due_ms != DUE_NEVER)
        member_time(json, arena, "due", record->due_ms);
    member_number(json, "attempt_count", record->attempts);
    member_number(json, "item_count", record->item_count);
    if ((record->marks & RECORD_REPLAYED) != 0)
        member_bool(json, "replayed", true);
    member_bool(json, "verified", (record->marks & RECORD_VERIFIED) != 0);
}

void record_json(struct json_writer *json, struct arena *arena, const struct record *record) {
    json_object_begin(json);
    write_record(json, arena, record);
    json_object_end(json);
}

static bool has_word(struct str name, struct str word) {
    for (size_t i = 0; i + word.len <= name.len; i++)
        if (str_eq_nocase(str_slice(name.at + i, word.len), word))
            return true;
    return false;
}

/* Who may read the API need not be one who may send messages or sign them. A name that holds one of these words
 * anywhere is hidden: one too many costs little. */
static bool is_secret_name(struct str name) {
    static const char *const words[] = {"auth", "signature", "cookie",    "token",   "secret",   "key",
                                        "pass", "pwd",       "cred",      "session", "sid",      "jwt",
                                        "hmac", "bearer",    "csrf",      "xsrf",    "cert",     "sig-",
                                        "-sig", "_sig",      "assertion", "otp",     "identity", "private"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (has_word(name, str_of(words[i])))
            return true;
    return str_eq_nocase(name, STR("sig"));
}

/* Credentials under a name that does not tell. */
static bool is_secret_value(struct str value) {
    static const char *const beginnings[] = {"Bearer ", "Basic ", "Digest ", "whsec_", "whpk_", "eyJ"};
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
        struct str beginning = str_of(beginnings[i]);
        if (value.len >= beginning.len && str_eq_nocase(str_slice(value.at, beginning.len), beginning))
            return true;
    }
    return false;
}

static struct str shown(const struct http_header *header) {
    return is_secret_name(header->name) || is_secret_value(header->value) ? STR("(hidden)") : header->value;
}

/* One member per name; what was sent several times is joined as HTTP says it means. */
static void write_headers(struct json_writer *json, struct arena *arena, const struct story *story) {
    struct header_list list = {0};
    headers_decode(arena, story->content.headers, &list);
    json_key(json, "headers");
    json_object_begin(json);
    for (size_t i = 0; i < list.count; i++) {
        struct str name = list.items[i].name, value = shown(&list.items[i]);
        size_t first = 0;
        while (!str_eq_nocase(list.items[first].name, name))
            first++;
        if (first < i)
            continue;
        for (size_t k = i + 1; k < list.count; k++)
            if (str_eq_nocase(list.items[k].name, name))
                value = arena_printf(arena, STR_FMT ", " STR_FMT, STR_ARG(value), STR_ARG(shown(&list.items[k])));
        json_key_str(json, arena_lower(arena, name));
        json_str(json, value);
    }
    json_object_end(json);
}

static void write_facts(struct json_writer *json, const struct item *item) {
    json_key(json, "facts");
    json_array_begin(json);
    for (size_t f = 0; f < item->fact_count; f++) {
        json_object_begin(json);
        member(json, "key", item->facts[f].key);
        member(json, "match", fact_match_name(item->facts[f].match));
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_items(struct json_writer *json, struct arena *arena, const struct story *story) {
    const struct record *record = &story->record;
    struct item *items;
    size_t count;
    json_key(json, "items");
    json_array_begin(json);
    if (!ledger_facts_decode(arena, record->facts, &items, &count))
        count = 0;
    for (uint32_t i = 0; i < count; i++) {
        json_object_begin(json);
        write_facts(json, &items[i]);
        json_key(json, "twins");
        json_array_begin(json);
        for (size_t t = 0; t < story->twin_count; t++)
            if (record->id == story->twins[t].rule || story->twins[t].item == i)
                json_str(json, message_id_format(arena, record->id == story->twins[t].rule ? story->twins[t].event
                                                                                           : story->twins[t].rule));
        json_array_end(json);
        member_bool(json, "left_out", bitmap_has(record->trimmed, i));
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_twins(struct json_writer *json, struct arena *arena, const struct story *story) {
    json_key(json, "twins");
    json_array_begin(json);
    for (size_t i = 0; i < story->twin_count; i++) {
        const struct twin *twin = &story->twins[i];
        const struct record *other = &story->twin_records[i];
        json_object_begin(json);
        member(json, "id", message_id_format(arena, twin->rule == story->record.id ? twin->event : twin->rule));
        member_number(json, "item", twin->item);
        if (other->id != 0) {
            member(json, "state", str_of(state_name(other->state)));
            member(json, "generation", str_of(generation_name(other->generation)));
            member(json, "endpoint", str_of(endpoint_name(other->endpoint)));
            member(json, "type", other->type);
            member_time(json, arena, "received", other->received_ms);
            member_number(json, "later_ms", other->time_ms - story->record.time_ms);
        }
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_step(struct json_writer *json, struct arena *arena, const struct step *step) {
    json_object_begin(json);
    member_time(json, arena, "at", step->at_ms);
    member(json, "state", str_of(state_name(step->state)));
    if (step->attempt > 0) {
        member_number(json, "attempt", step->attempt);
        if (step->status > 0)
            member_number(json, "status", step->status);
        json_key(json, "duration_ms");
        json_double(json, (double)step->duration_us / 1000);
    }
    member(json, "why", step->why);
    json_object_end(json);
}

static void write_steps(struct json_writer *json, struct arena *arena, const struct story *story) {
    json_key(json, "attempts");
    json_array_begin(json);
    for (size_t i = 0; i < story->step_count; i++)
        if (story->steps[i].attempt > 0)
            write_step(json, arena, &story->steps[i]);
    json_array_end(json);
    json_key(json, "history");
    json_array_begin(json);
    for (size_t i = 0; i < story->step_count; i++)
        write_step(json, arena, &story->steps[i]);
    json_array_end(json);
}

static void write_words(struct json_writer *json, struct arena *arena, const struct story *story) {
    struct story_lines lines;
    story_tell(arena, story, &lines);
    member(json, "why", story_why(arena, story));
    json_key(json, "story");
    json_array_begin(json);
    for (size_t i = 0; i < lines.count; i++) {
        json_object_begin(json);
        member_time(json, arena, "at", lines.items[i].at_ms);
        member(json, "text", lines.items[i].text);
        json_object_end(json);
    }
    json_array_end(json);
}

/* As the store wrote it when it decided, for programs; story_tell() says the same in words. */
static void write_admission(struct json_writer *json, struct arena *arena, const struct story *story) {
    const struct json_limits limits = {.depth = 8, .values = 100000};
    struct json *admission;
    if (json_parse(arena, story->record.admission, &limits, &admission, NULL) != ERR_NONE)
        return;
    json_key(json, "admission");
    json_value(json, admission);
}

static struct str shown_target(struct arena *arena, struct str target, bool with_content) {
    ptrdiff_t query = str_find(target, STR("?"));
    if (with_content || query < 0)
        return target;
    return arena_printf(arena, STR_FMT "?(hidden)", STR_ARG(str_slice(target.at, (size_t)query)));
}

/* The other messages that the id asked for names as well: the twin, nearly always. */
static void write_also(struct json_writer *json, struct arena *arena, const struct story *story) {
    if (story->also_count < 2)
        return;
    json_key(json, "also");
    json_array_begin(json);
    for (size_t i = 0; i < story->also_count; i++)
        if (story->also[i] != story->record.id)
            json_str(json, message_id_format(arena, story->also[i]));
    json_array_end(json);
}

void story_json(struct json_writer *json, struct arena *arena, const struct story *story, bool with_content) {
    const struct record *record = &story->record;
    json_object_begin(json);
    write_record(json, arena, record);
    write_also(json, arena, story);
    member(json, "identity", str_from(identity_key(record->identity), 2));
    if (record->identity.len > 0)
        member(json, "identity_from", str_starts_with(record->identity, STR("h:")) ? STR("header") : STR("body"));
    member(json, "target", shown_target(arena, record->target, with_content));
    member(json, "traceparent", record->trace_parent);
    member_bool(json, "attempt_under_way", story->leased);
    member_bool(json, "has_content", story->has_content);
    write_words(json, arena, story);
    write_admission(json, arena, story);
    write_items(json, arena, story);
    write_twins(json, arena, story);
    write_steps(json, arena, story);
    if (story->has_content) {
        write_headers(json, arena, story);
        if (with_content) {
            json_key(json, "body");
            json_str(json, story->content.body);
        }
    }
    json_object_end(json);
}
