/* What goes out in an attempt: where to, with which headers, under which signature, with how much of the body. */
#include "proxy/flow/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>

#include "common/mem.h"

enum { NOW_S = 1725192854 };
#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define ID    "0000000000007" /* of message 7 */

static const char read_completed[] =
    "{\"id\":\"e1\",\"eventType\":\"read.completed\",\"generatedDate\":\"2024-09-01T12:14:14Z\","
    "\"payload\":{\"referenceCompany\":{\"id\":\"c1\"},\"dataTypes\":["
    "{\"connectionId\":\"x\",\"dataType\":\"accounts\",\"status\":\"Complete\"}, "
    "{\"connectionId\":\"x\",\"dataType\":\"bills\",\"status\":\"Complete\"}, "
    "{\"connectionId\":\"x\",\"dataType\":\"odd,\\r\\nX: y\\u0000%\",\"status\":\"Complete\"}]}}";

/* A service with nothing but what a request is built of. */
struct bench {
    struct settings settings;
    struct service service;
    struct catalog *catalog;
    struct signature_key *key;
    struct delivery delivery;
    struct delivery_request request;
};

static int make_bench(void **state) {
    struct bench *bench = MEM_NEW(struct bench);
    struct err_detail detail;
    bench->catalog = catalog_builtin();
    assert_int_equal(signature_key_new(STR("whsec_YW4gdW5odXJyaWVkIGtleSBvZiAyNCBi"), &bench->key, &detail), ERR_NONE);
    bench->settings.endpoints[ENDPOINT_LEGACY].url = STR("http://legacy.test/old?x=1");
    bench->settings.endpoints[ENDPOINT_NEW].url = STR("http://new.test:8080");
    bench->service.settings = &bench->settings;
    memcpy(bench->service.mark, "0123", sizeof "0123");
    bench->service.catalog = bench->catalog;
    bench->delivery.arena = arena_new(0);
    bench->delivery.record = (struct record){.id = 7,
                                             .generation = GENERATION_EVENT,
                                             .endpoint = ENDPOINT_NEW,
                                             .received_ms = (int64_t)NOW_S * 1000,
                                             .item_count = 3,
                                             .type = STR("read.completed"),
                                             .target = STR("/hooks/a?b=c"),
                                             .trace_parent = STR(TRACE)};
    bench->delivery.content.headers = STR("Content-Type:application/json\nX-Kept:yes\n");
    bench->delivery.content.body = str_of(read_completed);
    *state = bench;
    return 0;
}

static int drop_bench(void **state) {
    struct bench *bench = *state;
    arena_free(bench->delivery.arena);
    signature_key_free(bench->key);
    catalog_free(bench->catalog);
    mem_free(bench);
    return 0;
}

static void build(struct bench *bench) {
    delivery_build(&bench->service, &bench->delivery, (int64_t)NOW_S * 1000 + 999, &bench->request);
}

static void sign_with(struct bench *bench) {
    bench->service.signing[ENDPOINT_NEW] = (struct key_ring){.keys = &bench->key, .count = 1};
}

#define assert_header(bench, name, wanted)                                                                             \
    do {                                                                                                               \
        struct str value_ = headers_get(&(bench)->request.headers, STR(name));                                         \
        if (!str_eq(value_, STR(wanted)))                                                                              \
            fail_msg("%s is \"" STR_FMT "\"", name, STR_ARG(value_));                                                  \
    } while (0)
#define assert_no_header(bench, name) assert_null(headers_get(&(bench)->request.headers, STR(name)).at)

/* (fault 3.9) (fault 3.12) */
static void the_url_is_the_routes_or_the_endpoints(void **state) {
    static const struct opt_pair routes[] = {{{"DataSyncCompleted", 17}, {"http://r.test", 13}},
                                             {{"READ.completed", 14}, {"http://r.test/reads", 19}}};
    static const struct {
        const char *shows, *url, *target, *type, *sent_to;
        size_t routes;
    } cases[] = {
        {"with a path: posted there", "http://a.test/hooks", "/x", "t", "http://a.test/hooks", 0},
        {"with the request's query", "http://a.test/hooks", "/x?y=1&z", "t", "http://a.test/hooks?y=1&z", 0},
        {"behind its own", "http://a.test/hooks?k=v", "/x?y=1?z", "t", "http://a.test/hooks?k=v&y=1?z", 0},
        {"an empty query is none", "http://a.test/hooks", "/x?", "t", "http://a.test/hooks", 0},
        {"the root is a path", "http://a.test/", "/x?y", "t", "http://a.test/?y", 0},
        {"a query is one, too", "http://a.test?k=v", "/x?y", "t", "http://a.test?k=v&y", 0},
        {"a scheme in capitals", "HTTP://a.test", "/x?y", "t", "HTTP://a.test/x?y", 0},
        {"without: the request's own is appended", "http://a.test", "/x?y", "t", "http://a.test/x?y", 0},
        {"with a port, and an address", "https://[::1]:8443", "/", "t", "https://[::1]:8443/", 0},
        {"without, and there is none (a damaged store)", "http://a.test", "", "t", "http://a.test", 0},
        {"a route", "http://a.test", "/x", "DataSyncCompleted", "http://r.test", 2},
        {"a route in another spelling", "http://a.test", "/x", "read.completed", "http://r.test/reads", 2},
        {"a route keeps the query", "http://a.test", "/x?y", "read.completed", "http://r.test/reads?y", 2},
        {"no route of that type", "http://a.test", "/x", "DatasetDataChanged", "http://a.test/x", 2},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct endpoint_settings *endpoint = &bench->settings.endpoints[ENDPOINT_NEW];
        endpoint->url = str_of(cases[i].url);
        endpoint->routes = (struct opt_object){routes, cases[i].routes};
        bench->delivery.record.target = str_of(cases[i].target);
        bench->delivery.record.type = str_of(cases[i].type);
        build(bench);
        if (!str_eq(bench->request.url, str_of(cases[i].sent_to)))
            fail_msg("%s: " STR_FMT, cases[i].shows, STR_ARG(bench->request.url));
    }
}

static void each_endpoint_has_its_own_url(void **state) {
    struct bench *bench = *state;
    bench->delivery.record.endpoint = ENDPOINT_LEGACY;
    build(bench);
    assert_true(str_eq(bench->request.url, STR("http://legacy.test/old?x=1&b=c")));
}

static void the_headers_are_the_senders_and_ours(void **state) {
    struct bench *bench = *state;
    bench->delivery.record.attempts = 2;
    bench->delivery.content.headers =
        STR("content-type:application/cloudevents+json\nX-Kept:yes\ntraceparent:garbage\n");
    build(bench);
    assert_header(bench, "Content-Type", "application/cloudevents+json");
    assert_header(bench, "X-Kept", "yes");
    assert_header(bench, "Hookshift-Message-Id", ID);
    assert_header(bench, "Hookshift-Attempt", "3");
    assert_header(bench, "traceparent", TRACE);
    assert_no_header(bench, "Hookshift-Shadow");
    assert_no_header(bench, "Hookshift-Covered");
    assert_header(bench, "Hookshift-Instance", "0123");
    assert_int_equal(bench->request.headers.count, 6);
    assert_true(str_eq(bench->request.body, str_of(read_completed)));
    bench->delivery.content.headers = STR_NONE;
    bench->delivery.is_shadow = true;
    build(bench);
    assert_header(bench, "Content-Type", "application/json");
    assert_header(bench, "Hookshift-Shadow", "true");
}

/* Each proxy on the way adds its own. (fault 3.8) */
static void the_mark_stands_behind_those_before_it(void **state) {
    static const struct {
        struct str headers;
        const char *marks;
    } cases[] = {
        {{"X-A:b\n", 6}, "0123"},
        {{"Hookshift-Instance:abc\n", 23}, "abc, 0123"},
        {{"hookshift-instance:abc, def\nHookshift-Instance:ghi\n", 51}, "abc, def, ghi, 0123"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bench->delivery.content.headers = cases[i].headers;
        build(bench);
        assert_true(str_eq(headers_get(&bench->request.headers, STR("Hookshift-Instance")), str_of(cases[i].marks)));
        assert_true(headers_hold_mark(bench->request.headers.items, bench->request.headers.count, STR("0123")));
        assert_false(headers_hold_mark(bench->request.headers.items, bench->request.headers.count, STR("123")));
    }
}

static void headers_of_the_settings_come_last(void **state) {
    static const struct opt_pair headers[] = {{{"x-kept", 6}, {"replaced", 8}},
                                              {{"Authorization", 13}, {"Bearer t", 8}}};
    struct bench *bench = *state;
    bench->settings.endpoints[ENDPOINT_NEW].headers = (struct opt_object){headers, 2};
    build(bench);
    assert_header(bench, "X-Kept", "replaced");
    assert_header(bench, "authorization", "Bearer t");
}

/* Renewed "under the same webhook-id", in the family of headers that the sender used. */
static void the_signature_is_renewed_in_the_senders_family(void **state) {
    static const struct {
        const char *shows;
        struct str headers;
        const char *webhook_id, *svix_id; /* NULL: not of that family */
    } cases[] = {
        {"webhook-*", {"webhook-id:m1\nwebhook-timestamp:1\nwebhook-signature:v1,old\n", 56}, "m1", NULL},
        {"svix-*", {"svix-id:m2\nsvix-timestamp:1\nsvix-signature:v1,old\n", 47}, NULL, "m2"},
        {"both", {"svix-id:m3\nwebhook-id:m4\nsvix-signature:v1,old\n", 46}, "m4", "m3"},
        {"an id alone", {"Webhook-ID:m5\n", 14}, "m5", NULL},
        {"none: its own", {"X-A:b\n", 6}, ID, NULL},
        {"remains of a family without its id", {"svix-signature:v1,old\nsvix-timestamp:1\n", 38}, ID, NULL},
    };
    struct bench *bench = *state;
    const struct signature_check check = {SIGNATURE_WEBHOOK, &bench->key, 1, NOW_S, 0};
    struct signature_check svix = check;
    svix.families = SIGNATURE_SVIX;
    sign_with(bench);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bench->delivery.content.headers = cases[i].headers;
        build(bench);
        const struct header_list *headers = &bench->request.headers;
        bool is_webhook = signature_verify(&check, headers->items, headers->count, bench->request.body) == SIGNATURE_OK;
        bool is_svix = signature_verify(&svix, headers->items, headers->count, bench->request.body) == SIGNATURE_OK;
        if (is_webhook != (cases[i].webhook_id != NULL) || is_svix != (cases[i].svix_id != NULL))
            fail_msg("%s: webhook %d, svix %d", cases[i].shows, is_webhook, is_svix);
        assert_true(str_eq(headers_get(headers, STR("webhook-id")), str_of(cases[i].webhook_id)));
        assert_true(str_eq(headers_get(headers, STR("svix-id")), str_of(cases[i].svix_id)));
        assert_int_equal(headers_get(headers, STR("svix-signature")).at != NULL, is_svix);
        assert_int_equal(headers_get(headers, STR("svix-timestamp")).at != NULL, is_svix);
    }
}

/* (fault 3.11) */
static void each_secret_signs(void **state) {
    struct bench *bench = *state;
    struct signature_key *other;
    assert_int_equal(signature_key_new(STR("whsec_YW5vdGhlciB1bmh1cnJpZWQga2V5IG9mIDI0"), &other, NULL), ERR_NONE);
    struct signature_key *keys[] = {bench->key, other};
    bench->service.signing[ENDPOINT_NEW] = (struct key_ring){.keys = keys, .count = 2};
    bench->delivery.content.headers = STR("webhook-id:m1\nwebhook-timestamp:1\nwebhook-signature:v1,old\n");
    build(bench);
    const struct header_list *headers = &bench->request.headers;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct signature_check check = {SIGNATURE_WEBHOOK, &keys[i], 1, NOW_S, 0};
        assert_int_equal(signature_verify(&check, headers->items, headers->count, bench->request.body), SIGNATURE_OK);
    }
    struct str value = headers_get(headers, STR("webhook-signature"));
    assert_true(str_starts_with(value, STR("v1,")) && str_find(value, STR(" v1,")) > 0);
    signature_key_free(other);
}

/* Without a secret the sender's signature is all there is. */
static void without_a_secret_the_senders_signature_goes_on(void **state) {
    struct bench *bench = *state;
    bench->delivery.content.headers = STR("webhook-id:m1\nwebhook-timestamp:1\nwebhook-signature:v1,old\n");
    build(bench);
    assert_header(bench, "webhook-signature", "v1,old");
    assert_header(bench, "webhook-timestamp", "1");
}

/* Trimmed: the rest of the body byte for byte, signed anew, and a header that lists what was left out. */
static void a_trimmed_body_is_signed_and_names_what_is_left_out(void **state) {
    struct bench *bench = *state;
    const struct signature_check check = {SIGNATURE_WEBHOOK, &bench->key, 1, NOW_S, 0};
    sign_with(bench);
    bench->delivery.trimmed = STR("\x02");
    bench->delivery.covered = STR("\x03"); /* of more, but what is left out is decided */
    bench->delivery.content.headers = STR("Content-Digest:a\nrepr-digest:b\nDigest:c\nContent-MD5:d\nX-Kept:e\n");
    build(bench);
    assert_header(bench, "Hookshift-Covered", "bills");
    assert_header(bench, "X-Kept", "e");
    assert_no_header(bench, "Content-Digest");
    assert_no_header(bench, "Repr-Digest");
    assert_no_header(bench, "Digest");
    assert_no_header(bench, "Content-MD5");
    assert_int_equal(str_find(bench->request.body, STR("bills")), -1);
    assert_true(str_find(bench->request.body, STR("accounts")) > 0);
    assert_true(str_starts_with(bench->request.body, str_slice(read_completed, 200)));
    const struct header_list *headers = &bench->request.headers;
    assert_int_equal(signature_verify(&check, headers->items, headers->count, bench->request.body), SIGNATURE_OK);
    assert_int_not_equal(signature_verify(&check, headers->items, headers->count, str_of(read_completed)),
                         SIGNATURE_OK);
}

/* Forwarded: whole, and a header that lists what is covered. */
static void a_forwarded_body_is_whole_and_names_what_is_covered(void **state) {
    struct bench *bench = *state;
    bench->delivery.content.headers = STR("Content-Digest:a\n");
    bench->delivery.covered = STR("\x03");
    build(bench);
    assert_header(bench, "Hookshift-Covered", "accounts,bills");
    assert_header(bench, "Content-Digest", "a");
    assert_true(str_eq(bench->request.body, str_of(read_completed)));
}

/* (fault 6.7) */
static void a_data_type_that_the_body_holds_still_is_not_named(void **state) {
    static const char twice[] = "{\"id\":\"e1\",\"eventType\":\"read.completed\",\"payload\":{\"dataTypes\":["
                                "{\"dataType\":\"bills\"},{\"dataType\":\"accounts\"},{\"dataType\":\"Bills\"}]}}";
    static const struct {
        const char *left_out, *named;
    } cases[] = {{"\x01", NULL}, {"\x04", NULL}, {"\x05", "bills"}, {"\x03", "accounts"}, {"\x02", "accounts"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *bench = *state;
        bench->delivery.content.body = str_of(twice);
        bench->delivery.record.item_count = 3;
        bench->delivery.trimmed = str_of(cases[i].left_out);
        build(bench);
        if (cases[i].named == NULL)
            assert_no_header(bench, "Hookshift-Covered");
        else
            assert_true(str_eq(headers_get(&bench->request.headers, STR("Hookshift-Covered")), str_of(cases[i].named)));
    }
}

/* Names are what senders write: none of them ends a header. */
static void names_of_data_types_cannot_break_out_of_their_header(void **state) {
    struct bench *bench = *state;
    bench->delivery.covered = STR("\x05");
    build(bench);
    assert_header(bench, "Hookshift-Covered", "accounts,odd%2C%0D%0AX:%20y%00%25");
    assert_true(http_value_is_valid(headers_get(&bench->request.headers, STR("Hookshift-Covered"))));
}

/* An event of as many elements as there may be, all of them covered. */
static const char *build_large(struct bench *bench, const char *name, bool is_numbered) {
    struct strbuf body = {0};
    char covered[ITEM_MAX / 8];
    strbuf_append(&body, STR("{\"id\":\"e1\",\"eventType\":\"read.completed\",\"payload\":{\"dataTypes\":["));
    for (unsigned i = 0; i < ITEM_MAX; i++) {
        strbuf_append(&body, i == 0 ? STR("{\"dataType\":\"") : STR(",{\"dataType\":\""));
        strbuf_append(&body, str_of(name));
        if (is_numbered)
            strbuf_printf(&body, "%04u", i);
        strbuf_append(&body, STR("\"}"));
    }
    strbuf_append(&body, STR("]}}"));
    memset(covered, 0xFF, sizeof covered);
    bench->delivery.covered = str_slice(covered, sizeof covered);
    bench->delivery.record.item_count = ITEM_MAX;
    bench->delivery.content.body = arena_str(bench->delivery.arena, strbuf_str(&body));
    strbuf_clear(&body);
    build(bench);
    return headers_get(&bench->request.headers, STR("Hookshift-Covered")).at;
}

/* No consumer's server refuses a request for the length of the list: each name is there once, and where there are too
 * many it says so. */
static void the_list_of_what_is_covered_has_a_bound(void **state) {
    struct bench *bench = *state;
    const char *names = build_large(bench, "type-", true);
    assert_in_range(strlen(names), 3990, 4004);
    assert_memory_equal(names, "type-0000,type-0001,", 20);
    assert_string_equal(names + strlen(names) - 14, ",type-0399,...");
    assert_string_equal(build_large(bench, "invoices", false), "invoices");
    char long_name[1000];
    memset(long_name, ',', sizeof long_name - 1); /* three bytes each */
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(strlen(build_large(bench, long_name, false)), 3 * (sizeof long_name - 1));
}

/* A replay goes whole: an operator wants all of it. What is covered is still said. */
static void a_replay_goes_whole(void **state) {
    struct bench *bench = *state;
    bench->delivery.trimmed = STR("\x01");
    bench->delivery.record.marks = RECORD_FORCED;
    build(bench);
    assert_true(str_eq(bench->request.body, str_of(read_completed)));
    assert_no_header(bench, "Hookshift-Covered");
    bench->delivery.covered = STR("\x04\x00");
    build(bench);
    assert_true(str_eq(bench->request.body, str_of(read_completed)));
    assert_non_null(headers_get(&bench->request.headers, STR("Hookshift-Covered")).at);
}

/* Another catalogue than at its admission sees other items, or none: twice is better than never. */
static void a_body_that_reads_otherwise_now_goes_whole(void **state) {
    struct bench *bench = *state;
    bench->delivery.trimmed = STR("\x02");
    bench->delivery.record.item_count = 2;
    build(bench);
    assert_true(str_eq(bench->request.body, str_of(read_completed)));
    assert_no_header(bench, "Hookshift-Covered");
    bench->delivery.record.item_count = 1;
    bench->delivery.content.body = STR("no JSON any more");
    build(bench);
    assert_true(str_eq(bench->request.body, STR("no JSON any more")));
    bench->delivery.trimmed = STR("\x01");
    bench->delivery.content.body = STR("{\"id\":\"1\",\"eventType\":\"company.created\",\"payload\":{}}");
    build(bench); /* one item, which has no place in the body */
    assert_true(str_eq(bench->request.body, bench->delivery.content.body));
}

#define ON_BENCH(test)                                                                                                 \
    { #test, test, make_bench, drop_bench, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BENCH(the_url_is_the_routes_or_the_endpoints),
        ON_BENCH(each_endpoint_has_its_own_url),
        ON_BENCH(the_headers_are_the_senders_and_ours),
        ON_BENCH(the_mark_stands_behind_those_before_it),
        ON_BENCH(each_secret_signs),
        ON_BENCH(headers_of_the_settings_come_last),
        ON_BENCH(the_signature_is_renewed_in_the_senders_family),
        ON_BENCH(without_a_secret_the_senders_signature_goes_on),
        ON_BENCH(a_trimmed_body_is_signed_and_names_what_is_left_out),
        ON_BENCH(a_forwarded_body_is_whole_and_names_what_is_covered),
        ON_BENCH(a_data_type_that_the_body_holds_still_is_not_named),
        ON_BENCH(names_of_data_types_cannot_break_out_of_their_header),
        ON_BENCH(the_list_of_what_is_covered_has_a_bound),
        ON_BENCH(a_replay_goes_whole),
        ON_BENCH(a_body_that_reads_otherwise_now_goes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
