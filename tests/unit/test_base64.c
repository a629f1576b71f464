#include "common/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct pair {
    const char *bytes, *text;
};

/* RFC 4648, section 10. */
static const struct pair known[] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}};

static void test_known_answers(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        unsigned char bytes[16];
        size_t len = 99;
        assert_true(str_eq(base64_encode(arena, str_of(known[i].bytes)), str_of(known[i].text)));
        assert_true(base64_decode(str_of(known[i].text), BASE64_PADDED, bytes, &len));
        assert_int_equal(len, strlen(known[i].bytes));
        assert_memory_equal(bytes, known[i].bytes, len);
    }
    arena_free(arena);
}

static void test_refuses_what_no_encoder_writes(void **state) {
    (void)state;
    static const char *const wrong[] = {"Zg", "Zg=",   "Zg===",    "Zh==", "Zm9=",   "Z",     "Zm9vZ",
                                        "=",  "==",    "Z===",     "Zm=v", "Zm9v\n", " Zm9v", "Zm9-",
                                        "_w", "Zm9v=", "Zg==Zg==", "Zm 9", "Zm9vYg", "Zm9vYm"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        unsigned char bytes[16];
        size_t len = 99;
        if (base64_decode(str_of(wrong[i]), BASE64_PADDED, bytes, &len) || len != 99)
            fail_msg("\"%s\" was taken", wrong[i]);
    }
}

static void test_padding_may_be_left_out_where_asked_for(void **state) {
    (void)state;
    unsigned char bytes[16];
    size_t len;
    assert_true(base64_decode(STR("Zm9vYg"), BASE64_ANY_PADDING, bytes, &len));
    assert_int_equal(len, 4);
    assert_true(base64_decode(STR("Zm9vYmE"), BASE64_ANY_PADDING, bytes, &len));
    assert_int_equal(len, 5);
    assert_true(base64_decode(STR("Zm9vYg=="), BASE64_ANY_PADDING, bytes, &len));
    assert_false(base64_decode(STR("Zm9vYg="), BASE64_ANY_PADDING, bytes, &len)); /* half of it */
    assert_false(base64_decode(STR("Zm9vYh"), BASE64_ANY_PADDING, bytes, &len));  /* bits left over */
    assert_false(base64_decode(STR("Zm9vY"), BASE64_ANY_PADDING, bytes, &len));
}

static void test_every_byte_goes_there_and_back(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    unsigned char all[256], back[BASE64_DECODED_MAX(400)];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)i;
    for (size_t len = 0; len <= sizeof all; len++) {
        struct str text = base64_encode(arena, str_slice((const char *)all + (sizeof all - len), len));
        size_t back_len;
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_true(base64_decode(text, BASE64_PADDED, back, &back_len));
        assert_int_equal(back_len, len);
        assert_memory_equal(back, all + (sizeof all - len), len);
    }
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_refuses_what_no_encoder_writes),
        cmocka_unit_test(test_padding_may_be_left_out_where_asked_for),
        cmocka_unit_test(test_every_byte_goes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
