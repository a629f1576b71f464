#include "proxy/decide/murmur3.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_known_hashes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t seed, hash;
    } rows[] = {
        /* keys found by search that fall on the edges of the range */
        {"ejOoVL", 0, 0},
        {"bY9fO-", 0, 1},
        {"SI7p-", 0, 2147483647},
        {"6LvT0", 0, 2147483648U},
        {"ceQdGm", 0, 4294967295U},
        /* every length of the tail */
        {"", 0, 0},
        {"", 1, 0x514E28B7},
        {"", 0xFFFFFFFF, 0x81F16F39},
        {"a", 0, 0x3C2569B2},
        {"aaa", 0x9747B28C, 0x283E0130},
        {"aaaa", 0x9747B28C, 0x5A97808A},
        {"abc", 0, 0xB3DD93FA},
        {"Hello, world!", 0x9747B28C, 0x24884CBA},
        {"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (murmur3_32(str_of(rows[i].text), rows[i].seed) != rows[i].hash)
            fail_msg("%s: %u", rows[i].text, murmur3_32(str_of(rows[i].text), rows[i].seed));
}

static void test_two_pieces_hash_as_one(void **state) {
    (void)state;
    struct str whole = STR("new-consumer0498921d-9b53-4396-bd6d-2a11f2d14bb3");
    for (size_t cut = 0; cut <= whole.len; cut++)
        assert_int_equal(murmur3_32_pair(str_slice(whole.at, cut), str_from(whole, cut), 0), murmur3_32(whole, 0));
}

/* 100,000 random keys over four weights: each share is within 1 % of the whole of what its weight says. */
static void test_shares_follow_the_weights(void **state) {
    (void)state;
    enum { KEYS = 100000 };
    static const uint64_t weights[] = {10, 20, 30, 40};
    unsigned counts[ARRAY_LEN(weights)] = {0};
    const char *seed = getenv("HOOKSHIFT_SEED");
    uint64_t random = seed == NULL ? 20240901 : strtoull(seed, NULL, 10);
    for (int i = 0; i < KEYS; i++) {
        char key[40];
        random = random * 6364136223846793005U + 1442695040888963407U;
        int len = snprintf(key, sizeof key, "%016llx-%d", (unsigned long long)random, i);
        uint64_t place = ((uint64_t)murmur3_32(str_slice(key, (size_t)len), 0) * 100) >> 32, end = 0;
        size_t bucket = 0;
        while (place >= (end += weights[bucket]))
            bucket++;
        counts[bucket]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
        double off = (double)counts[i] / KEYS - (double)weights[i] / 100;
        if (off > 0.01 || off < -0.01)
            fail_msg("seed %llu: weight %u got %u", (unsigned long long)random, (unsigned)weights[i], counts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_hashes),
        cmocka_unit_test(test_two_pieces_hash_as_one),
        cmocka_unit_test(test_shares_follow_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
