#include "common/hmac.h"

#include "common/ed25519.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void from_hex(const char *hex, unsigned char *bytes, size_t len) {
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes[i] = (unsigned char)value;
    }
}

struct known {
    const char *key;
    size_t key_len;
    const char *text, *code;
};

/* RFC 4231, test cases 1, 2 and 6 (a key longer than a block). */
static void test_known_answers(void **state) {
    (void)state;
    char key1[20], key6[131];
    memset(key1, 0x0b, sizeof key1);
    memset(key6, 0xaa, sizeof key6);
    const struct known cases[] = {
        {key1, sizeof key1, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", 4, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {key6, sizeof key6, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hmac_key *key = NULL;
        unsigned char code[HMAC_SHA256_LEN], expected[HMAC_SHA256_LEN];
        struct str text = str_of(cases[i].text);
        assert_int_equal(hmac_key_new(str_slice(cases[i].key, cases[i].key_len), &key), ERR_NONE);
        from_hex(cases[i].code, expected, sizeof expected);
        for (size_t cut = 0; cut <= text.len; cut++) { /* however it is cut into parts, and twice with one key */
            const struct str parts[] = {str_slice(text.at, cut), STR_NONE, str_from(text, cut)};
            hmac_sha256(key, parts, ARRAY_LEN(parts), code);
            assert_memory_equal(code, expected, sizeof code);
        }
        hmac_key_free(key);
    }
}

static void test_an_empty_key_is_refused(void **state) {
    (void)state;
    struct hmac_key *key = NULL;
    assert_int_equal(hmac_key_new(STR(""), &key), ERR_INVALID);
    assert_null(key);
    hmac_key_free(NULL);
}

static void test_equal(void **state) {
    (void)state;
    assert_true(hmac_equal(STR("abc"), STR("abc")));
    assert_true(hmac_equal(STR(""), STR_NONE));
    assert_false(hmac_equal(STR("abc"), STR("abd")));
    assert_false(hmac_equal(STR("abc"), STR("ab")));
    assert_false(hmac_equal(STR("abc"), STR("ABC")));
    assert_false(hmac_equal(STR("a\0b"), STR("a\0c")));
}

struct worker {
    const struct hmac_key *key;
    bool all_right;
};

static void *sign_often(void *arg) {
    struct worker *worker = arg;
    unsigned char code[HMAC_SHA256_LEN], expected[HMAC_SHA256_LEN];
    const struct str text = STR("what do ya want for nothing?");
    from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", expected, sizeof expected);
    worker->all_right = true;
    for (int i = 0; i < 500; i++) {
        hmac_sha256(worker->key, &text, 1, code);
        worker->all_right &= memcmp(code, expected, sizeof code) == 0;
    }
    return NULL;
}

static void test_one_key_serves_several_threads(void **state) {
    (void)state;
    struct hmac_key *key = NULL;
    pthread_t threads[4];
    struct worker workers[4];
    assert_int_equal(hmac_key_new(STR("Jefe"), &key), ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        workers[i].key = key;
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].all_right);
    }
    hmac_key_free(key);
}

/* RFC 8032, section 7.1, test 2. */
static const char seed_hex[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
static const char public_hex[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char signature_hex[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

static void test_ed25519(void **state) {
    (void)state;
    unsigned char seed[ED25519_SEED_LEN], public_key[ED25519_PUBLIC_LEN], expected[ED25519_SIGNATURE_LEN];
    unsigned char signature[ED25519_SIGNATURE_LEN];
    from_hex(seed_hex, seed, sizeof seed);
    from_hex(public_hex, public_key, sizeof public_key);
    from_hex(signature_hex, expected, sizeof expected);
    const struct str seed_bytes = str_slice((const char *)seed, sizeof seed);
    const struct str public_bytes = str_slice((const char *)public_key, sizeof public_key);
    struct ed25519_key *private_key = NULL, *verifier = NULL;
    assert_int_equal(ed25519_private_new(seed_bytes, public_bytes, &private_key), ERR_NONE);
    assert_int_equal(ed25519_public_new(public_bytes, &verifier), ERR_NONE);
    assert_true(ed25519_can_sign(private_key));
    assert_false(ed25519_can_sign(verifier));
    ed25519_sign(private_key, STR("\x72"), signature);
    assert_memory_equal(signature, expected, sizeof expected);
    const struct str signature_bytes = str_slice((const char *)signature, sizeof signature);
    assert_true(ed25519_verify(verifier, STR("\x72"), signature_bytes));
    assert_false(ed25519_verify(verifier, STR("\x73"), signature_bytes));
    assert_false(ed25519_verify(verifier, STR("\x72"), str_slice(signature_bytes.at, 63)));
    assert_false(ed25519_verify(verifier, STR(""), signature_bytes));
    ed25519_free(private_key);
    ed25519_free(verifier);
}

static void test_ed25519_refuses_what_is_no_key(void **state) {
    (void)state;
    unsigned char seed[ED25519_SEED_LEN] = {0}, other[ED25519_PUBLIC_LEN] = {0};
    struct ed25519_key *key = NULL;
    const struct str zeros = str_slice((const char *)seed, sizeof seed);
    assert_int_equal(ed25519_private_new(zeros, str_slice((const char *)other, sizeof other), &key), ERR_INVALID);
    assert_int_equal(ed25519_private_new(str_slice(zeros.at, 31), zeros, &key), ERR_INVALID);
    assert_int_equal(ed25519_public_new(str_slice(zeros.at, 31), &key), ERR_INVALID);
    assert_int_equal(ed25519_public_new(STR(""), &key), ERR_INVALID);
    assert_null(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers), cmocka_unit_test(test_an_empty_key_is_refused),
        cmocka_unit_test(test_equal),         cmocka_unit_test(test_one_key_serves_several_threads),
        cmocka_unit_test(test_ed25519),       cmocka_unit_test(test_ed25519_refuses_what_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
