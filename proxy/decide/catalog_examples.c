/* A pair is judged by the facts that both state: an exact one makes twins, one with a window only where the two are
 * near in time. Whether one of them has its twin already is for messages that arrive, not for examples. */
#include "proxy/decide/catalog_examples.h"

#include "common/clock.h"
#include "common/units.h"
#include "proxy/decide/classify.h"

struct trial {
    const struct catalog *catalog;
    const struct json *example;
    int64_t window_ms;
    struct arena *arena;
    struct strbuf *out;
    bool *shown; /* by fact of the rule types, in their order */
    bool failed;
};

static struct classify_input input_of(struct trial *trial, const struct json *body) {
    const struct json *headers = json_get(trial->example, STR("headers"));
    struct strbuf text = {0};
    struct json_writer writer;
    struct classify_input input = {.target = json_string(json_get(trial->example, STR("path")))};
    struct http_header *made = ARENA_ARRAY(trial->arena, headers == NULL ? 0 : headers->count, struct http_header);
    for (const struct json *member = headers == NULL ? NULL : headers->first; member != NULL; member = member->next)
        made[input.header_count++] = (struct http_header){member->key, member->text};
    json_begin(&writer, &text);
    json_value(&writer, body);
    input.body = arena_str(trial->arena, strbuf_str(&text));
    input.headers = made;
    strbuf_clear(&text);
    return input;
}

static bool read_body(struct trial *trial, const char *member, struct message *message) {
    const struct classify_input input = input_of(trial, json_get(trial->example, str_of(member)));
    struct json_error error;
    *message = (struct message){0};
    if (classify_request(trial->catalog, &input, trial->arena, message, &error) == ERR_NONE)
        return true;
    strbuf_printf(trial->out, "    \"%s\" cannot be read: %s\n", member, error.what);
    trial->failed = true;
    return false;
}

static void print_message(struct trial *trial, const char *member, const struct message *message) {
    strbuf_printf(trial->out, "    %s: %s " STR_FMT, member, generation_name(message->generation),
                  STR_ARG(message->type.at == NULL ? STR("(no type)") : message->type));
    for (size_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++)
            strbuf_printf(trial->out, ", " STR_FMT, STR_ARG(message->items[i].facts[f].key));
    strbuf_append_char(trial->out, '\n');
}

static void expect(struct trial *trial, bool as_expected, const char *what) {
    if (as_expected)
        return;
    trial->failed = true;
    strbuf_printf(trial->out, "    wrong: %s\n", what);
}

/* By what both tell; else by "apart", which is how far apart they arrive: together where it is missing. */
static bool is_near(const struct trial *trial, const struct message *old, const struct message *new) {
    int64_t apart_ms = 0;
    if (!duration_parse(json_string(json_get(trial->example, STR("apart"))), &apart_ms))
        apart_ms = 0;
    if (old->generated_ms >= 0 && new->generated_ms >= 0)
        apart_ms = old->generated_ms - new->generated_ms;
    return (apart_ms < 0 ? -apart_ms : apart_ms) <= trial->window_ms;
}

/* Notes which fact of the old type a pair shows: the one whose key begins as the template does. */
static void note_shown(struct trial *trial, const struct message *old, struct str key) {
    const struct catalog_type *type = catalog_find(trial->catalog, GENERATION_RULE, old->type);
    size_t at = 0;
    for (size_t i = 0; i < catalog_type_count(trial->catalog, GENERATION_RULE); i++) {
        const struct catalog_type *rule = catalog_type_at(trial->catalog, GENERATION_RULE, i);
        for (size_t f = 0; f < rule->fact_count; f++, at++) {
            const struct template *template = &rule->facts[f].key;
            struct str begin = template->piece_count > 0 ? template->pieces[0].text : STR_NONE;
            if (rule == type && (begin.at == NULL || str_starts_with(key, begin)))
                trial->shown[at] = true;
        }
    }
}

/* Does anything that `old` states make them twins? */
static bool share_facts(struct trial *trial, const struct message *old, const struct message *new, bool note) {
    bool are_twins = false;
    for (size_t a = 0; a < old->items[0].fact_count; a++)
        for (size_t i = 0; i < new->item_count; i++)
            for (size_t b = 0; b < new->items[i].fact_count; b++) {
                const struct fact *left = &old->items[0].facts[a], *right = &new->items[i].facts[b];
                if (!str_eq_nocase(left->key, right->key) || (fact_recurs(left->match) && !is_near(trial, old, new)))
                    continue;
                are_twins = true;
                if (note)
                    note_shown(trial, old, left->key);
            }
    return are_twins;
}

static bool replaces(const struct catalog *catalog, const struct message *old, const struct message *new) {
    const struct catalog_type *rule = catalog_find(catalog, GENERATION_RULE, old->type);
    const struct catalog_type *event = catalog_find(catalog, GENERATION_EVENT, new->type);
    for (size_t i = 0; rule != NULL && event != NULL && i < event->replaces_count; i++)
        if (catalog_type_at(catalog, GENERATION_RULE, event->replaces[i].listed) == rule)
            return true;
    return false;
}

static void try_pair(struct trial *trial) {
    struct message old, new;
    bool wanted = json_is_true(json_get(trial->example, STR("twins")));
    if (!read_body(trial, "old", &old) || !read_body(trial, "new", &new))
        return;
    print_message(trial, "old", &old);
    print_message(trial, "new", &new);
    expect(trial, old.generation == GENERATION_RULE, "\"old\" is not of the old generation");
    expect(trial, new.generation == GENERATION_EVENT, "\"new\" is not of the new generation");
    bool are_twins = share_facts(trial, &old, &new, wanted);
    expect(trial, are_twins == wanted,
           wanted ? "they are no twins, but should be" : "they are twins, but should not be");
    if (!wanted || !are_twins)
        return;
    expect(trial, replaces(trial->catalog, &old, &new), "\"new\" does not say that it replaces the type of \"old\"");
    expect(trial, old.counterpart.len > 0 && str_eq_nocase(old.counterpart, new.type),
           "the \"counterpart\" of \"old\" is not the type of \"new\"");
    expect(trial, old.company.len == 0 || str_eq_nocase(old.company, new.company),
           "\"company\" differs, so that flags aimed at one would decide the two differently");
}

static void expect_text(struct trial *trial, const char *member, struct str read) {
    const struct json *wanted = json_get(trial->example, str_of(member));
    if (wanted == NULL)
        return;
    bool is_right = wanted->type == JSON_NULL ? read.len == 0 : str_eq(json_string(wanted), read);
    if (is_right)
        return;
    trial->failed = true;
    strbuf_printf(trial->out, "    wrong: \"%s\" is read as %s" STR_FMT "%s\n", member,
                  read.at == NULL ? "nothing" : "\"", STR_ARG(read), read.at == NULL ? "" : "\"");
}

static void expect_time(struct trial *trial, const struct message *message) {
    const struct json *wanted = json_get(trial->example, STR("generated"));
    int64_t ms = -1;
    if (wanted == NULL)
        return;
    if (wanted->type != JSON_NULL && !clock_parse_rfc3339(json_string(wanted), &ms))
        expect(trial, false, "\"generated\" is no time like 2026-05-01T10:00:00Z");
    else
        expect(trial, ms == message->generated_ms, "\"generated\" is another time, or none is read");
}

static void try_body(struct trial *trial) {
    struct message message;
    if (!read_body(trial, "body", &message))
        return;
    print_message(trial, "body", &message);
    expect_text(trial, "generation", str_of(generation_name(message.generation)));
    expect_text(trial, "type", message.type);
    expect_text(trial, "id", message.body_id);
    expect_text(trial, "company", message.company);
    expect_text(trial, "connection", message.connection);
    expect_text(trial, "data_type", message.data_type);
    expect_text(trial, "rule_id", message.rule_id);
    if (json_get(trial->example, STR("listed")) != NULL)
        expect(trial, message.type_known == json_is_true(json_get(trial->example, STR("listed"))),
               message.type_known ? "its type is listed" : "its type is not listed");
    expect_time(trial, &message);
}

static void try_example(struct trial *trial, size_t number, struct examples_result *result) {
    struct strbuf details = {0}, *out = trial->out;
    struct str why = json_string(json_get(trial->example, STR("why")));
    bool is_body = json_get(trial->example, STR("body")) != NULL;
    trial->out = &details;
    trial->failed = false;
    if (is_body)
        try_body(trial);
    else
        try_pair(trial);
    trial->out = out;
    strbuf_printf(out, "%s example %zu: %s%s" STR_FMT "\n", trial->failed ? "FAILED" : "ok    ", number,
                  is_body                                                ? "a body"
                  : json_is_true(json_get(trial->example, STR("twins"))) ? "twins"
                                                                         : "no twins",
                  why.len > 0 ? ", " : "", STR_ARG(why));
    strbuf_append(out, strbuf_str(&details));
    strbuf_clear(&details);
    result->failed += trial->failed ? 1 : 0;
    result->passed += trial->failed ? 0 : 1;
}

static size_t count_facts(const struct catalog *catalog) {
    size_t count = 0;
    for (size_t i = 0; i < catalog_type_count(catalog, GENERATION_RULE); i++)
        count += catalog_type_at(catalog, GENERATION_RULE, i)->fact_count;
    return count;
}

static void tell_unshown(struct trial *trial, struct examples_result *result) {
    size_t at = 0;
    for (size_t i = 0; i < catalog_type_count(trial->catalog, GENERATION_RULE); i++) {
        const struct catalog_type *rule = catalog_type_at(trial->catalog, GENERATION_RULE, i);
        for (size_t f = 0; f < rule->fact_count; f++, at++) {
            if (trial->shown[at])
                continue;
            result->unshown++;
            strbuf_printf(trial->out, "note: no example shows twins by the fact \"" STR_FMT "\" of \"" STR_FMT "\"\n",
                          STR_ARG(rule->facts[f].name), STR_ARG(rule->name));
        }
    }
}

void examples_try(const struct catalog *catalog, int64_t window_ms, struct strbuf *out,
                  struct examples_result *result) {
    const struct json *list = catalog_examples(catalog);
    struct arena *arena = arena_new(0);
    struct trial trial = {.catalog = catalog, .window_ms = window_ms, .arena = arena, .out = out};
    size_t number = 0;
    *result = (struct examples_result){0};
    trial.shown = ARENA_ARRAY(arena, count_facts(catalog), bool);
    for (const struct json *example = list == NULL ? NULL : list->first; example != NULL; example = example->next) {
        trial.example = example;
        try_example(&trial, ++number, result);
    }
    tell_unshown(&trial, result);
    arena_free(arena);
}
