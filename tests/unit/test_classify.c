#include "proxy/decide/classify.h"

#include "common/file.h"
#include "proxy/decide/classify_print.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char corpus[] = TEST_SOURCE_DIR "/tests/corpus/";
static const char samples[] = TEST_SOURCE_DIR "/../shared/samples/";
static const struct json_limits limits = {64, 1000000, false, false, false};
static struct catalog *catalog;

static int make_catalog(void **state) {
    (void)state;
    catalog = catalog_builtin();
    return 0;
}

static int free_catalog(void **state) {
    (void)state;
    catalog_free(catalog);
    return 0;
}

static struct str read_body(struct arena *arena, const char *folder, struct str name) {
    struct str path = arena_printf(arena, "%s" STR_FMT, folder, STR_ARG(name)), text;
    struct err_detail detail;
    if (file_read(arena, path.at, 1 << 20, &text, &detail) != ERR_NONE)
        fail_msg("%s: %s", path.at, detail.text);
    return text;
}

/* The text is put at the end of a block of its own, so that reading past it is seen by the sanitizer. */
static struct message classify_body(struct arena *arena, struct str body) {
    struct message message = {0};
    struct json_error error;
    char *tight = malloc(body.len == 0 ? 1 : body.len);
    assert_non_null(tight);
    memcpy(tight, body.at, body.len);
    enum err err = classify(catalog, str_slice(tight, body.len), arena, &message, &error);
    free(tight); /* nothing of the message may point there */
    if (err != ERR_NONE)
        fail_msg(STR_FMT ": %s", STR_ARG(body), error.what);
    return message;
}

static struct json *parse(struct arena *arena, struct str text) {
    struct json *root = NULL;
    struct json_error error;
    if (json_parse(arena, text, &limits, &root, &error) != ERR_NONE)
        fail_msg("%u:%u: %s", error.line, error.column, error.what);
    return root;
}

/* ---- our own bodies, tests/corpus ---- */

/* Where the expectation names the member, it must be that: null is absent or empty. */
static void check_text(struct str file, const struct json *expected, const char *key, struct str actual) {
    const struct json *value = json_get(expected, str_of(key));
    struct str wanted = json_string(value);
    if (value != NULL && !str_eq(wanted, actual))
        fail_msg(STR_FMT ": %s is \"" STR_FMT "\", expected \"" STR_FMT "\"", STR_ARG(file), key, STR_ARG(actual),
                 STR_ARG(wanted));
}

static void check_printed(struct arena *arena, struct str file, const struct json *expected,
                          const struct message *message) {
    static const char *const members[] = {"generation", "type", "id", "company", "items"};
    struct strbuf line = {0};
    classify_print(message, &line);
    assert_true(str_ends_with(strbuf_str(&line), STR("\n")));
    const struct json *printed = parse(arena, strbuf_str(&line));
    assert_int_equal(printed->count, ARRAY_LEN(members));
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!json_equal(json_get(printed, str_of(members[i])), json_get(expected, str_of(members[i]))))
            fail_msg(STR_FMT ": \"%s\" differs: %s", STR_ARG(file), members[i], line.at);
    strbuf_clear(&line);
}

static void check_against(struct arena *arena, const struct json *expected) {
    struct str file = json_string(json_get(expected, STR("file")));
    struct message message = classify_body(arena, read_body(arena, corpus, file));
    const struct json *generated = json_get(expected, STR("generated_ms"));
    int64_t generated_ms;
    check_printed(arena, file, expected, &message);
    check_text(file, expected, "counterpart", message.counterpart);
    check_text(file, expected, "connection", message.connection);
    check_text(file, expected, "data_type", message.data_type);
    check_text(file, expected, "rule_id", message.rule_id);
    assert_int_equal(message.endpoint, message.generation == GENERATION_EVENT ? ENDPOINT_NEW : ENDPOINT_LEGACY);
    if (generated != NULL) {
        assert_true(str_to_i64(generated->text, &generated_ms));
        assert_int_equal(message.generated_ms, generated_ms);
    }
}

/* (pairing 1.1) */
static void test_corpus(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json *expected = parse(arena, read_body(arena, corpus, STR("expected.json")));
    const struct json *bodies = json_get(expected, STR("bodies"));
    assert_true(bodies->count > 100);
    for (const struct json *body = bodies->first; body != NULL; body = body->next)
        check_against(arena, body);
    arena_free(arena);
}

static size_t count_files(struct arena *arena, const char *folder) {
    DIR *dir = opendir(arena_printf(arena, "%s%s", corpus, folder).at);
    size_t count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void test_no_body_of_the_corpus_is_left_out(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json *expected = parse(arena, read_body(arena, corpus, STR("expected.json")));
    assert_int_equal(count_files(arena, "rule") + count_files(arena, "event") + count_files(arena, "unknown"),
                     json_get(expected, STR("bodies"))->count);
    assert_int_equal(count_files(arena, "invalid"), json_get(expected, STR("invalid"))->count);
    arena_free(arena);
}

static bool states(const struct message *message, struct str key, struct fact *fact) {
    for (size_t i = 0; i < message->item_count; i++)
        for (size_t k = 0; k < message->items[i].fact_count; k++)
            if (str_eq_nocase(message->items[i].facts[k].key, key)) {
                *fact = message->items[i].facts[k];
                return true;
            }
    return false;
}

/* (pairing 1.6) */
static void test_pairs_of_the_corpus_share_their_fact(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json *expected = parse(arena, read_body(arena, corpus, STR("expected.json")));
    const struct json *pairs = json_get(expected, STR("pairs"));
    assert_int_equal(pairs->count, 12);
    for (const struct json *pair = pairs->first; pair != NULL; pair = pair->next) {
        struct str rule_file = json_string(json_get(pair, STR("rule")));
        struct str event_file = json_string(json_get(pair, STR("event")));
        struct str key = json_string(json_get(pair, STR("fact")));
        struct message rule = classify_body(arena, read_body(arena, corpus, rule_file));
        struct message event = classify_body(arena, read_body(arena, corpus, event_file));
        struct fact rule_fact, event_fact;
        if (!states(&rule, key, &rule_fact) || !states(&event, key, &event_fact))
            fail_msg(STR_FMT " and " STR_FMT " do not share " STR_FMT, STR_ARG(rule_file), STR_ARG(event_file),
                     STR_ARG(key));
        assert_int_equal(rule_fact.match, event_fact.match);
        assert_true(str_eq(rule.counterpart, event.counterpart));
    }
    arena_free(arena);
}

static void test_what_is_no_object_is_an_error(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json *expected = parse(arena, read_body(arena, corpus, STR("expected.json")));
    for (const struct json *name = json_get(expected, STR("invalid"))->first; name != NULL; name = name->next) {
        struct message message = {.type = STR("untouched")};
        struct json_error error = {.what = ""};
        struct str file = json_string(name);
        enum err wanted = str_eq(file, STR("invalid/deep.json")) ? ERR_LIMIT : ERR_INVALID;
        enum err err = classify(catalog, read_body(arena, corpus, file), arena, &message, &error);
        if (err != wanted || strlen(error.what) == 0 || error.line == 0 || error.column == 0)
            fail_msg(STR_FMT ": %s, %u:%u: %s", STR_ARG(file), err_name(err), error.line, error.column, error.what);
        assert_true(str_eq(message.type, STR("untouched")));
        assert_int_equal(classify(catalog, read_body(arena, corpus, file), arena, &message, NULL), wanted);
    }
    arena_free(arena);
}

/* ---- single properties ---- */

static void test_types_are_labels_only_where_they_are_listed(void **state) {
    (void)state;
    static const struct {
        const char *body, *type, *label;
        bool known;
    } cases[] = {
        {"{\"eventType\":\"x-1.write.successful\"}", "x-1.write.successful", "*.write.successful", true},
        {"{\"eventType\":\"Connection.CREATED\"}", "connection.created", "connection.created", true},
        {"{\"eventType\":\"X.WRITE.successful\"}", "X.write.successful", "*.write.successful", true},
        {"{\"eventType\":\".write.successful\"}", ".write.successful", "other", false},
        {"{\"eventType\":\"company.\"}", "company.", "other", false},
        {"{\"eventType\":\"\"}", "", "other", false},
        {"{\"eventType\":\"something.new\"}", "something.new", "other", false},
        {"{\"RuleType\":\"rate limit reached (daily)\"}", "ClientRateLimitReached", "ClientRateLimitReached", true},
        {"{\"RuleType\":\"(Sync Failed)\"}", "(Sync Failed)", "other", false},
        {"{\"RuleType\":\"Sync Failed Twice\"}", "Sync Failed Twice", "other", false},
        {"[", NULL, NULL, false},
    };
    for (size_t i = 0; cases[i].type != NULL; i++) {
        struct arena *arena = arena_new(0);
        struct message message = classify_body(arena, str_of(cases[i].body));
        if (!str_eq(message.type, str_of(cases[i].type)) || !str_eq(message.label, str_of(cases[i].label)) ||
            message.type_known != cases[i].known)
            fail_msg("%s: type " STR_FMT ", label " STR_FMT, cases[i].body, STR_ARG(message.type),
                     STR_ARG(message.label));
        arena_free(arena);
    }
}

static void test_a_very_long_type_is_not_known(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf body = {0};
    strbuf_append(&body, STR("{\"RuleType\":\""));
    for (int i = 0; i < 100000; i++)
        strbuf_append_char(&body, 'x');
    strbuf_append(&body, STR("\"}"));
    struct message message = classify_body(arena, strbuf_str(&body));
    assert_int_equal(message.type.len, 100000);
    assert_false(message.type_known);
    strbuf_clear(&body);
    arena_free(arena);
}

static void add_read_body(struct strbuf *body, size_t element_count) {
    strbuf_append(body, STR("{\"id\":\"e\",\"eventType\":\"read.completed\",\"payload\":{\"referenceCompany\":{\"id\":"
                            "\"c\"},\"dataTypes\":["));
    for (size_t i = 0; i < element_count; i++)
        strbuf_printf(body, "%s{\"connectionId\":\"n\",\"dataType\":\"d%zu\"}", i == 0 ? "" : ",", i);
    strbuf_append(body, STR("]}}"));
}

/* (pairing 1.8, 2.10) */
static void test_as_many_items_as_there_may_be(void **state) {
    (void)state;
    static const struct {
        size_t elements, items, facts;
    } cases[] = {{0, 1, 3}, {1, 1, 4}, {2, 2, 2}, {ITEM_MAX, ITEM_MAX, ITEM_MAX}, {ITEM_MAX + 1, 1, 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        struct strbuf body = {0};
        size_t facts = 0;
        add_read_body(&body, cases[i].elements);
        struct message message = classify_body(arena, strbuf_str(&body));
        assert_int_equal(message.item_count, cases[i].items);
        for (size_t k = 0; k < message.item_count; k++) {
            const struct item *item = &message.items[k];
            facts += item->fact_count;
            if (cases[i].elements == message.item_count) {
                assert_int_equal(body.at[item->start], '{');
                assert_int_equal(body.at[item->end - 1], '}');
            } else {
                assert_int_equal(item->end, 0);
            }
        }
        assert_int_equal(facts, cases[i].facts);
        strbuf_clear(&body);
        arena_free(arena);
    }
}

static void test_keys_that_are_too_long_are_no_facts(void **state) {
    (void)state;
    static const char front[] = "connection-deleted/";
    for (size_t id_len = FACT_KEY_MAX - sizeof front; id_len < FACT_KEY_MAX + 2; id_len++) {
        struct arena *arena = arena_new(0);
        struct strbuf body = {0};
        strbuf_append(&body, STR("{\"RuleType\":\"SyncConnectionDeleted\",\"CompanyId\":\""));
        for (size_t i = 0; i < id_len; i++)
            strbuf_append_char(&body, 'a');
        strbuf_append(&body, STR("\"}"));
        struct message message = classify_body(arena, strbuf_str(&body));
        size_t key_len = strlen(front) + id_len;
        assert_int_equal(message.items[0].fact_count, key_len <= FACT_KEY_MAX ? 1 : 0);
        if (message.items[0].fact_count == 1)
            assert_int_equal(message.items[0].facts[0].key.len, key_len);
        strbuf_clear(&body);
        arena_free(arena);
    }
}

/* What is cut where by '/' must not make two keys the same. (pairing 1.6) */
static void test_different_ids_never_make_the_same_key(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"RuleType\":\"DataSyncCompleted\",\"CompanyId\":\"a/"
        "b\",\"DataConnectionId\":\"c\",\"Data\":{\"dataType\":\"d\"}}",
        "{\"RuleType\":\"DataSyncCompleted\",\"CompanyId\":\"a\",\"DataConnectionId\":\"b/"
        "c\",\"Data\":{\"dataType\":\"d\"}}",
        "{\"RuleType\":\"DataSyncCompleted\",\"CompanyId\":\"a%2Fb\",\"DataConnectionId\":\"c\",\"Data\":{\"dataType\":"
        "\"d\"}}",
        "{\"RuleType\":\"DataSyncCompleted\",\"CompanyId\":\"a\",\"DataConnectionId\":\"b\",\"Data\":{\"dataType\":\"c/"
        "d\"}}",
        "{\"RuleType\":\"DataSyncCompleted\",\"CompanyId\":\"a\\u0000\",\"DataConnectionId\":\"b\",\"Data\":{"
        "\"dataType\":\"c\"}}",
    };
    struct arena *arena = arena_new(0);
    struct str keys[ARRAY_LEN(bodies)];
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct message message = classify_body(arena, str_of(bodies[i]));
        assert_int_equal(message.items[0].fact_count, 1);
        keys[i] = message.items[0].facts[0].key;
        assert_null(memchr(keys[i].at, '\0', keys[i].len));
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq_nocase(keys[i], keys[k]));
    }
    arena_free(arena);
}

static void test_what_a_message_had_before_stays(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct message message = {.received_ms = 5, .time_ms = 6, .webhook_id = STR("w"), .target = STR("/t")};
    assert_int_equal(classify(catalog, STR("{\"RuleType\":\"Sync Failed\"}"), arena, &message, NULL), ERR_NONE);
    assert_int_equal(message.received_ms, 5);
    assert_int_equal(message.time_ms, 6);
    assert_true(str_eq(message.webhook_id, STR("w")));
    assert_true(str_eq(message.target, STR("/t")));
    arena_free(arena);
}

/* (pairing 2.16) */
static void test_time(void **state) {
    (void)state;
    enum { DAY = 86400000, SKEW = CLOCK_SKEW_MAX_MS };
    const int64_t now = 20000 * (int64_t)DAY;
    const struct {
        enum generation generation;
        int64_t generated_ms, expected_ms;
    } cases[] = {
        {GENERATION_EVENT, now - 1000, now - 1000},
        {GENERATION_EVENT, now - 15 * (int64_t)DAY, now - 15 * (int64_t)DAY},
        {GENERATION_EVENT, now - 15 * (int64_t)DAY - 1, now},
        {GENERATION_EVENT, now + SKEW, now + SKEW},
        {GENERATION_EVENT, now + SKEW + 1, now},
        {GENERATION_EVENT, -1, now},
        {GENERATION_RULE, now - 1000, now - 1000}, /* where the catalogue names one */
        {GENERATION_RULE, -1, now},
        {GENERATION_UNKNOWN, now - 1000, now},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct message message = {
            .generation = cases[i].generation, .generated_ms = cases[i].generated_ms, .received_ms = now};
        assert_int_equal(classify_time_ms(&message, 15 * (int64_t)DAY), cases[i].expected_ms);
    }
}

/* Whatever is cut off or changed, the answer is a message or an error, and never more. */
static void test_damaged_bodies(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct str whole = read_body(arena, corpus, STR("event/read-completed-odd-elements.json"));
    for (size_t i = 0; i < whole.len; i++) {
        struct arena *inner = arena_new(0);
        struct message message = {0};
        char *damaged = malloc(whole.len);
        assert_non_null(damaged);
        assert_int_equal(classify(catalog, str_slice(memcpy(damaged, whole.at, i), i), inner, &message, NULL),
                         i + 1 < whole.len ? ERR_INVALID : ERR_NONE);
        memcpy(damaged, whole.at, whole.len);
        damaged[i] = '"';
        enum err err = classify(catalog, str_slice(damaged, whole.len), inner, &message, NULL);
        assert_true(err == ERR_INVALID || (err == ERR_NONE && message.item_count > 0));
        free(damaged);
        arena_free(inner);
    }
    arena_free(arena);
}

static void *classify_often(void *arg) {
    struct str body = *(struct str *)arg;
    for (int i = 0; i < 50; i++) {
        struct arena *arena = arena_new(0);
        struct message message = {0};
        bool right = classify(catalog, body, arena, &message, NULL) == ERR_NONE && message.item_count == 21;
        arena_free(arena);
        if (!right)
            return arg;
    }
    return NULL;
}

static void test_threads_share_a_catalogue(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct str body = read_body(arena, corpus, STR("event/read-completed-every-status.json"));
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, classify_often, &body), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    arena_free(arena);
}

/* ---- the vendor's published samples, where they are to be had ---- */

static void skip_without_samples(void) {
    DIR *dir = opendir(samples);
    if (dir == NULL) {
        print_message("there are no samples at %s\n", samples);
        skip();
    }
    closedir(dir);
}

static struct str before_dot(const char *name) {
    struct str rest = str_of(name), piece = STR_NONE;
    return str_next(&rest, '.', &piece) ? piece : str_of(name);
}

/* A file of a rule is named after its type. */
static void check_rule_sample(struct arena *arena, const char *folder, const char *name) {
    struct message message = classify_body(arena, read_body(arena, folder, str_of(name)));
    struct str type = before_dot(name);
    if (str_eq(type, STR("NewCompanySynchronised")))
        type = STR("NewCompanySynchronized");
    bool has_no_twin = str_eq(type, STR("AccountCategoriesUpdated"));
    if (message.generation != GENERATION_RULE || !str_eq(message.type, type) || message.body_id.len != 36 ||
        message.items[0].fact_count != (has_no_twin ? 0 : 2) || (message.counterpart.len == 0) != has_no_twin)
        fail_msg("%s: type " STR_FMT ", %zu facts", name, STR_ARG(message.type), message.items[0].fact_count);
}

/* A file of an event is named after its type too, but for those of the migration guide. */
static void check_event_sample(struct arena *arena, const char *folder, const char *name) {
    struct message message = classify_body(arena, read_body(arena, folder, str_of(name)));
    bool is_placeholder = strstr(name, "DataConnectionStatusChanged") != NULL;
    bool is_named_after_type = !str_starts_with(str_of(name), STR("guide."));
    bool is_old_body = str_starts_with(str_of(name), STR("AccountCategoriesUpdated"));
    if (is_old_body) {
        assert_int_equal(message.generation, GENERATION_RULE);
        return;
    }
    if (message.generation != GENERATION_EVENT || message.type_known == is_placeholder || message.generated_ms < 0 ||
        message.body_id.len != 36 || (is_named_after_type && !str_starts_with(str_of(name), message.type)))
        fail_msg("%s: type " STR_FMT, name, STR_ARG(message.type));
    bool is_about_company = strstr(name, "ateLimit") == NULL;
    assert_int_equal(message.company.len, is_about_company ? 36 : 0);
    assert_int_equal(message.items[0].fact_count > 0, message.counterpart.len > 0);
}

static size_t each_file(const char *folder, void (*check)(struct arena *, const char *, const char *)) {
    struct arena *arena = arena_new(0);
    struct str path = arena_printf(arena, "%s%s/", samples, folder);
    DIR *dir = opendir(path.at);
    size_t count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (str_ends_with(str_of(entry->d_name), STR(".json"))) {
            check(arena, path.at, entry->d_name);
            count++;
        }
    closedir(dir);
    arena_free(arena);
    return count;
}

static void test_published_samples(void **state) {
    (void)state;
    skip_without_samples();
    assert_true(each_file("rule", check_rule_sample) >= 16);
    assert_true(each_file("event", check_event_sample) >= 50);
}

/* Two of the published events name a wrong type, so that their pairs cannot be seen as such. */
static bool has_published_mistake(struct str section) {
    return str_eq(section, STR("ClientRateLimitReset")) || str_eq(section, STR("DataConnectionStatusChanged"));
}

static void test_published_pairs(void **state) {
    (void)state;
    skip_without_samples();
    struct arena *arena = arena_new(0);
    const struct json *pairs = parse(arena, read_body(arena, samples, STR("pairs.json")));
    assert_int_equal(pairs->count, 12);
    for (const struct json *pair = pairs->first; pair != NULL; pair = pair->next) {
        struct str section = json_string(json_get(pair, STR("section")));
        struct str rule_file = json_string(json_get(pair, STR("rule")));
        struct str event_file = json_string(json_get(pair, STR("event")));
        struct message rule = classify_body(arena, read_body(arena, samples, rule_file));
        struct message event = classify_body(arena, read_body(arena, samples, event_file));
        struct fact fact;
        bool share = states(&event, rule.items[0].facts[0].key, &fact);
        if (share == has_published_mistake(section))
            fail_msg(STR_FMT ": " STR_FMT " is %sstated by the event", STR_ARG(section),
                     STR_ARG(rule.items[0].facts[0].key), share ? "" : "not ");
    }
    arena_free(arena);
}

/* An event counts for a rule type where it tells what an alert of that type would: a read without an error replaces
 * none of DataSyncStatusChangedToError. */
static void test_what_an_event_replaces(void **state) {
    (void)state;
#define READ(elements)                                                                                                 \
    "{\"eventType\":\"read.completed\",\"id\":\"e\",\"payload\":{\"referenceCompany\":{\"id\":\"c\"},\"dataTypes\":"   \
    "[" elements "]}}"
#define ELEMENT(modified, status)                                                                                      \
    "{\"connectionId\":\"k\",\"dataType\":\"d\",\"recordsModified\":" modified ",\"status\":\"" status "\"}"
#define WRITTEN(outcome, status)                                                                                       \
    "{\"eventType\":\"bills.write." outcome "\",\"id\":\"e\",\"payload\":{\"id\":\"p\",\"status\":\"" status "\"}}"
    static const struct {
        const char *body, *replaces;
    } cases[] = {
        {READ(ELEMENT("false", "Complete")), "DataSyncCompleted "},
        {READ(ELEMENT("true", "Complete")), "DataSyncCompleted DatasetDataChanged "},
        {READ(ELEMENT("false", "Complete") "," ELEMENT("false", "AuthError")),
         "DataSyncCompleted DataSyncStatusChangedToError "},
        {READ(ELEMENT("true", "MapError")), "DataSyncCompleted DataSyncStatusChangedToError DatasetDataChanged "},
        {READ(""), ""},
        {WRITTEN("successful", "Success"), "PushOperationStatusChanged "},
        {WRITTEN("unsuccessful", "TimedOut"), "PushOperationStatusChanged PushOperationTimedOut "},
        {"{\"eventType\":\"connection.deleted\",\"payload\":{\"connection\":{\"id\":\"k\"}}}",
         "DataConnectionStatusChanged "},
        {"{\"eventType\":\"company.created\",\"payload\":{\"id\":\"c\"}}", ""},
    };
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct message message = classify_body(arena, str_of(cases[i].body));
        struct strbuf names = {0};
        for (size_t k = 0; k < message.replaces_count; k++)
            strbuf_printf(&names, STR_FMT " ", STR_ARG(message.replaces[k]));
        if (!str_eq(strbuf_str(&names), str_of(cases[i].replaces)))
            fail_msg("%s replaces " STR_FMT, cases[i].body, STR_ARG(strbuf_str(&names)));
        strbuf_clear(&names);
    }
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_no_body_of_the_corpus_is_left_out),
        cmocka_unit_test(test_pairs_of_the_corpus_share_their_fact),
        cmocka_unit_test(test_what_is_no_object_is_an_error),
        cmocka_unit_test(test_types_are_labels_only_where_they_are_listed),
        cmocka_unit_test(test_a_very_long_type_is_not_known),
        cmocka_unit_test(test_as_many_items_as_there_may_be),
        cmocka_unit_test(test_keys_that_are_too_long_are_no_facts),
        cmocka_unit_test(test_different_ids_never_make_the_same_key),
        cmocka_unit_test(test_what_a_message_had_before_stays),
        cmocka_unit_test(test_what_an_event_replaces),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_damaged_bodies),
        cmocka_unit_test(test_threads_share_a_catalogue),
        cmocka_unit_test(test_published_samples),
        cmocka_unit_test(test_published_pairs),
    };
    return cmocka_run_group_tests(tests, make_catalog, free_catalog);
}
