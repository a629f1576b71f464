#include "proxy/decide/signature.h"

#include "common/file.h"
#include "proxy/app/signature_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* "an unhurried key of 24 b" and "another key, as long as." in base64. */
static const char secret_text[] = "whsec_YW4gdW5odXJyaWVkIGtleSBvZiAyNCBi";
static const char other_text[] = "whsec_YW5vdGhlciBrZXksIGFzIGxvbmcgYXMu";
enum { NOW_S = 1741680930 };
static const struct str body = {"{\"eventType\":\"read.completed\"}", 30};

static struct signature_key *key_of(const char *text) {
    struct signature_key *key = NULL;
    struct err_detail detail = {""};
    if (signature_key_new(str_of(text), &key, &detail) != ERR_NONE)
        fail_msg("%s: %s", text, detail.text);
    return key;
}

struct fixture {
    struct arena *arena;
    struct signature_key *key, *other;
    struct str signature, other_signature;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->arena = arena_new(0);
    fixture->key = key_of(secret_text);
    fixture->other = key_of(other_text);
    fixture->signature = signature_sign(fixture->key, STR("msg_7"), NOW_S, body, fixture->arena);
    fixture->other_signature = signature_sign(fixture->other, STR("msg_7"), NOW_S, body, fixture->arena);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    signature_key_free(fixture->key);
    signature_key_free(fixture->other);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static enum signature_result verify_with(struct signature_key *const *keys, size_t key_count, int64_t now_s,
                                         const struct http_header *headers, size_t header_count, struct str text) {
    const struct signature_check check = {SIGNATURE_ANY_FAMILY, keys, key_count, now_s, 300};
    return signature_verify(&check, headers, header_count, text);
}

static enum signature_result verify_signature(struct fixture *fixture, struct str id, struct str timestamp,
                                              struct str signature) {
    const struct http_header headers[] = {
        {STR("Webhook-Id"), id}, {STR("webhook-timestamp"), timestamp}, {STR("WEBHOOK-SIGNATURE"), signature}};
    return verify_with(&fixture->key, 1, NOW_S, headers, ARRAY_LEN(headers), body);
}

static void assert_result(enum signature_result actual, enum signature_result expected) {
    assert_string_equal(signature_result_name(actual), signature_result_name(expected));
}

static void test_what_is_signed_verifies(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fixture->signature.len, 3 + 44);
    assert_result(verify_signature(fixture, STR("msg_7"), STR("1741680930"), fixture->signature), SIGNATURE_OK);
    assert_result(verify_signature(fixture, STR("msg_8"), STR("1741680930"), fixture->signature), SIGNATURE_NO_MATCH);
    assert_result(verify_signature(fixture, STR("msg_7"), STR("1741680931"), fixture->signature), SIGNATURE_NO_MATCH);
    assert_result(verify_signature(fixture, STR("msg_7"), STR("1741680930"), fixture->other_signature),
                  SIGNATURE_NO_MATCH);
}

static void test_every_single_bit_counts(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < fixture->signature.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            char text[64];
            memcpy(text, fixture->signature.at, fixture->signature.len);
            text[i] = (char)(text[i] ^ (1 << bit));
            assert_result(
                verify_signature(fixture, STR("msg_7"), STR("1741680930"), str_slice(text, fixture->signature.len)),
                SIGNATURE_NO_MATCH);
        }
}

static void test_headers_must_be_there(void **state) {
    struct fixture *fixture = *state;
    assert_result(verify_signature(fixture, STR(""), STR("1741680930"), fixture->signature), SIGNATURE_MISSING_HEADER);
    assert_result(verify_signature(fixture, STR("msg_7"), STR(""), fixture->signature), SIGNATURE_MISSING_HEADER);
    assert_result(verify_signature(fixture, STR("msg_7"), STR("1741680930"), STR("")), SIGNATURE_MISSING_HEADER);
    assert_result(verify_with(&fixture->key, 1, NOW_S, NULL, 0, body), SIGNATURE_MISSING_HEADER);
}

static void test_timestamps(void **state) {
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"now",          "-1",         "+1741680930",          "1741680930.0",
                                        "01741680930",  "0x67cff122", "99999999999999999999", "9223372036854775808",
                                        " 1741680930 ", "1741680930s"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_result(verify_signature(fixture, STR("msg_7"), str_of(wrong[i]), fixture->signature),
                      SIGNATURE_INVALID_TIMESTAMP);
    assert_result(verify_signature(fixture, STR("msg_7"), STR("9223372036854775807"), fixture->signature),
                  SIGNATURE_TOO_NEW);
    assert_result(verify_signature(fixture, STR("msg_7"), STR("0"), fixture->signature), SIGNATURE_TOO_OLD);
}

static void test_tolerance_includes_its_end(void **state) {
    struct fixture *fixture = *state;
    const struct http_header headers[] = {{STR("webhook-id"), STR("msg_7")},
                                          {STR("webhook-timestamp"), STR("1741680930")},
                                          {STR("webhook-signature"), fixture->signature}};
    const struct {
        int64_t now_s;
        enum signature_result result;
    } cases[] = {{NOW_S + 300, SIGNATURE_OK},
                 {NOW_S + 301, SIGNATURE_TOO_OLD},
                 {NOW_S - 300, SIGNATURE_OK},
                 {NOW_S - 301, SIGNATURE_TOO_NEW}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_result(verify_with(&fixture->key, 1, cases[i].now_s, headers, 3, body), cases[i].result);
    const struct signature_check any_time = {SIGNATURE_ANY_FAMILY, &fixture->key, 1, 0, -1};
    assert_result(signature_verify(&any_time, headers, 3, body), SIGNATURE_OK);
}

static void test_any_entry_and_any_key(void **state) {
    struct fixture *fixture = *state;
    struct arena *arena = fixture->arena;
    struct signature_key *const both[] = {fixture->other, fixture->key};
    const char *good = fixture->signature.at;
    struct http_header headers[] = {{STR("webhook-id"), STR("msg_7")},
                                    {STR("webhook-timestamp"), STR("1741680930")},
                                    {STR("webhook-signature"), STR_NONE}};
    headers[2].value = arena_printf(arena, "v9,zzzz  v1,AAAA v1a,BBBB nonsense %s v1,CCCC", good);
    assert_result(verify_with(both, 2, NOW_S, headers, 3, body), SIGNATURE_OK);
    assert_result(verify_with(both, 1, NOW_S, headers, 3, body), SIGNATURE_NO_MATCH);
    assert_result(verify_with(both, 0, NOW_S, headers, 3, body), SIGNATURE_NO_MATCH);
    headers[2].value = arena_printf(arena, "%s,more", good);
    assert_result(verify_with(both, 2, NOW_S, headers, 3, body), SIGNATURE_NO_MATCH);
    headers[2].value = arena_printf(arena, "v2%s", good + 2);
    assert_result(verify_with(both, 2, NOW_S, headers, 3, body), SIGNATURE_NO_MATCH);
}

static void test_families_are_never_mixed(void **state) {
    struct fixture *fixture = *state;
    const struct http_header mixed[] = {{STR("svix-id"), STR("msg_7")},
                                        {STR("webhook-timestamp"), STR("1741680930")},
                                        {STR("webhook-signature"), fixture->signature}};
    assert_result(verify_with(&fixture->key, 1, NOW_S, mixed, 3, body), SIGNATURE_MISSING_HEADER);
    const struct http_header both[] = {{STR("webhook-id"), STR("msg_elsewhere")},
                                       {STR("webhook-timestamp"), STR("1741680930")},
                                       {STR("webhook-signature"), fixture->other_signature},
                                       {STR("svix-id"), STR("msg_7")},
                                       {STR("svix-timestamp"), STR("1741680930")},
                                       {STR("svix-signature"), fixture->signature}};
    assert_result(verify_with(&fixture->key, 1, NOW_S, both, 6, body), SIGNATURE_OK);
    assert_result(verify_with(&fixture->key, 1, NOW_S, both, 5, body), SIGNATURE_NO_MATCH);
}

/* What is deduplicated by is the id that was verified. */
static void test_the_id_is_of_the_family_that_counts(void **state) {
    (void)state;
    const struct http_header both[] = {{STR("webhook-id"), STR("w")},        {STR("svix-id"), STR("s")},
                                       {STR("svix-timestamp"), STR("1")},    {STR("svix-signature"), STR("v1,x")},
                                       {STR("webhook-timestamp"), STR("1")}, {STR("webhook-signature"), STR("v1,y")}};
    struct signature_headers found;
    assert_true(signature_find(both, 6, SIGNATURE_ANY_FAMILY, &found));
    assert_true(str_eq(found.id, STR("s")));
    assert_true(signature_find(both, 6, SIGNATURE_WEBHOOK, &found));
    assert_true(str_eq(found.id, STR("w")));
    assert_false(signature_find(both, 1, SIGNATURE_SVIX, &found)); /* that family is not asked for */
    assert_null(found.id.at);
    assert_false(signature_find(both, 3, SIGNATURE_ANY_FAMILY, &found));
    assert_true(str_eq(found.id, STR("w")));
    assert_false(signature_find(both + 1, 1, SIGNATURE_ANY_FAMILY, &found));
    assert_true(str_eq(found.id, STR("s")));
    assert_false(signature_find(NULL, 0, SIGNATURE_ANY_FAMILY, &found));
    assert_null(found.id.at);
}

static void test_secrets(void **state) {
    (void)state;
    static const char *const good[] = {"whsec_YQ==", "whsec_YQ", "YQ==", secret_text, other_text + 6};
    static const char *const wrong[] = {"",          "whsec_",    "whsec_Y",    "whsec_YR==", "whsec_Y Q==",
                                        "whpk_YQ==", "whsk_YQ==", "WHSEC_YQ==", "whsec_YQ=",  "shsec_YQ=="};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct signature_key *key = key_of(good[i]);
        assert_true(signature_key_can_sign(key));
        signature_key_free(key);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct signature_key *key = NULL;
        struct err_detail detail = {""};
        assert_int_equal(signature_key_new(str_of(wrong[i]), &key, &detail), ERR_INVALID);
        assert_null(key);
        assert_true(strlen(detail.text) > 0);
        assert_true(strlen(wrong[i]) == 0 || strcmp(wrong[i], "whsec_") == 0 || strstr(detail.text, wrong[i]) == NULL);
    }
}

/* RFC 8032, 7.1, test 2: the seed with its public key, and that alone. */
static const char private_text[] =
    "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs9QBfD6EOJWpK3CqdNG368nJgszy7ElozAzVXxKvRmDA==";
static const char public_text[] = "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";

/* Standard Webhooks: "v1a" for asymmetric signatures. What a private key signs, its public key verifies. */
static void test_asymmetric_signatures(void **state) {
    struct fixture *fixture = *state;
    struct signature_key *signer = key_of(private_text), *verifier = key_of(public_text);
    assert_true(signature_key_can_sign(signer));
    assert_false(signature_key_can_sign(verifier));
    struct str good = signature_sign(signer, STR("msg_7"), NOW_S, body, fixture->arena);
    const struct {
        struct str header;
        enum signature_result result;
    } cases[] = {
        {good, SIGNATURE_OK},
        {ARENA_JOIN(fixture->arena, STR("v1,AAAA "), good), SIGNATURE_OK},
        {str_slice(good.at, good.len - 1), SIGNATURE_NO_MATCH},                          /* no base64 any more */
        {STR("v1a,AAAA"), SIGNATURE_NO_MATCH},                                           /* too short */
        {ARENA_JOIN(fixture->arena, good, str_from(good, 4)), SIGNATURE_NO_MATCH},       /* too long */
        {ARENA_JOIN(fixture->arena, STR("v1,"), str_from(good, 4)), SIGNATURE_NO_MATCH}, /* another version */
        {fixture->signature, SIGNATURE_NO_MATCH},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct http_header headers[] = {{STR("webhook-id"), STR("msg_7")},
                                              {STR("webhook-timestamp"), STR("1741680930")},
                                              {STR("webhook-signature"), cases[i].header}};
        assert_result(verify_with(&verifier, 1, NOW_S, headers, 3, body), cases[i].result);
        assert_result(verify_with(&signer, 1, NOW_S, headers, 3, body), cases[i].result);
    }
    signature_key_free(signer);
    signature_key_free(verifier);
}

/* The header is somebody else's text: 64 entries of it are looked at, so that it does not cost what it is long. */
static void test_entries_without_end_are_not_looked_at(void **state) {
    struct fixture *fixture = *state;
    for (int before = 63; before <= 64; before++) {
        struct strbuf header = {0};
        for (int i = 0; i < before; i++)
            strbuf_append(&header, STR("v1,AAAA "));
        strbuf_append(&header, fixture->signature);
        assert_result(verify_signature(fixture, STR("msg_7"), STR("1741680930"), strbuf_str(&header)),
                      before < 64 ? SIGNATURE_OK : SIGNATURE_NO_MATCH);
        strbuf_clear(&header);
    }
}

static void test_authorizations(void **state) {
    (void)state;
    const struct str accepted[] = {STR("Basic dXNlcjpwdw=="), STR("Bearer abc")};
    assert_true(signature_authorization_matches(STR("Bearer abc"), accepted, 2));
    assert_true(signature_authorization_matches(STR("Basic dXNlcjpwdw=="), accepted, 2));
    assert_false(signature_authorization_matches(STR("bearer abc"), accepted, 2));
    assert_false(signature_authorization_matches(STR("Bearer ab"), accepted, 2));
    assert_false(signature_authorization_matches(STR_NONE, accepted, 2));
    assert_false(signature_authorization_matches(STR("Bearer abc"), accepted, 0));
}

/* Known answers of other implementations, where they are to be had. */
static void test_vectors(void **state) {
    (void)state;
    static const char path[] = TEST_SOURCE_DIR "/../shared/vectors/standard-webhooks.json";
    struct arena *arena = arena_new(0);
    struct str text;
    if (file_read(arena, path, 1 << 20, &text, NULL) != ERR_NONE) {
        print_message("there are no vectors at %s\n", path);
        arena_free(arena);
        skip();
    }
    struct vectors_result result;
    struct strbuf report = {0};
    struct err_detail detail;
    assert_int_equal(signature_vectors_run(text, &result, &report, &detail), ERR_NONE);
    if (result.failed > 0)
        fail_msg("%s", report.at);
    assert_true(result.passed >= 90);
    strbuf_clear(&report);
    arena_free(arena);
}

static void test_vectors_that_are_none(void **state) {
    (void)state;
    struct vectors_result result;
    struct strbuf report = {0};
    struct err_detail detail;
    assert_int_equal(signature_vectors_run(STR("{}"), &result, &report, &detail), ERR_INVALID);
    assert_int_equal(signature_vectors_run(STR("{"), &result, &report, &detail), ERR_INVALID);
    const struct str failing = STR("{\"secrets\": [{\"secret\": \"%\", \"expect\": \"hmac-sha256\"}, 1],"
                                   "\"verify\": [{}, {\"headers\": [[\"a\"], 7]}], \"sign\": [{}]}");
    assert_int_equal(signature_vectors_run(failing, &result, &report, &detail), ERR_NONE);
    assert_true(result.failed >= 1);
    strbuf_clear(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_signed_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_single_bit_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_headers_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timestamps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tolerance_includes_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_entry_and_any_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_families_are_never_mixed, set_up, tear_down),
        cmocka_unit_test(test_the_id_is_of_the_family_that_counts),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test_setup_teardown(test_asymmetric_signatures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_entries_without_end_are_not_looked_at, set_up, tear_down),
        cmocka_unit_test(test_authorizations),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_vectors_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
