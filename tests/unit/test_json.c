#include "common/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct json_limits loose = {.depth = 32, .values = 1000};
static const struct json_limits written = {.depth = 32, .values = 1000, .comments = true, .unique_keys = true};

/* The text is put at the very end of a block of its own, so that reading past it is seen by the sanitizer. */
static enum err parse(struct arena *arena, struct str text, const struct json_limits *limits, struct json **root,
                      struct json_error *error) {
    char *tight = malloc(text.len == 0 ? 1 : text.len);
    assert_non_null(tight);
    memcpy(tight, text.at, text.len);
    enum err err = json_parse(arena, str_slice(tight, text.len), limits, root, error);
    free(tight);
    return err;
}

static struct json *parse_good(struct arena *arena, const char *text, const struct json_limits *limits) {
    struct json *root = NULL;
    struct json_error error;
    if (parse(arena, str_of(text), limits, &root, &error) != ERR_NONE)
        fail_msg("%s: %u:%u: %s", text, error.line, error.column, error.what);
    return root;
}

static void assert_str(struct str s, const char *expected) {
    if (!str_eq(s, str_of(expected)))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(s), expected);
}

static void assert_range(const struct json *value, const char *text, const char *expected) {
    assert_non_null(value);
    assert_str(str_slice(text + value->start, value->end - value->start), expected);
}

static void test_every_type_is_read(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const char *text = "{\"n\":null,\"t\":true,\"f\":false,\"i\":-12.5e3,\"s\":\"x\",\"a\":[1,2],\"o\":{}}";
    const struct json *root = parse_good(arena, text, &loose);
    assert_int_equal(root->type, JSON_OBJECT);
    assert_int_equal(root->count, 7);
    assert_int_equal(json_get(root, STR("n"))->type, JSON_NULL);
    assert_true(json_is_true(json_get(root, STR("t"))));
    assert_int_equal(json_get(root, STR("f"))->type, JSON_BOOL);
    assert_false(json_is_true(json_get(root, STR("f"))));
    assert_str(json_get(root, STR("i"))->text, "-12.5e3");
    assert_str(json_string(json_get(root, STR("s"))), "x");
    assert_int_equal(json_get(root, STR("a"))->count, 2);
    assert_int_equal(json_get(root, STR("o"))->count, 0);
    assert_null(json_get(root, STR("o"))->first);
    assert_null(json_get(root, STR("missing")));
    arena_free(arena);
}

static void test_byte_ranges(void **state) {
    (void)state;
    static const struct {
        const char *text, *path, *range;
    } cases[] = {
        {"{\"a\":1}", "a", "1"},
        {"{\"a\":1}", "", "{\"a\":1}"},
        {" \r\n{\t\"a\" \n:\t 1.50 , \"b\" : \"x,:y\" } \n", "a", "1.50"},
        {" \r\n{\t\"a\" \n:\t 1.50 , \"b\" : \"x,:y\" } \n", "b", "\"x,:y\""},
        {" \r\n{\t\"a\" : 1 } \n", "", "{\t\"a\" : 1 }"},
        {"{\"a\":[ 1 , {\"b\":[]} ],\"c\":true}", "a", "[ 1 , {\"b\":[]} ]"},
        {"{\"a\":[ 1 , {\"b\":[]} ],\"c\":true}", "c", "true"},
        {"{\"a\":{\"b\":{\"c\":null}}}", "a.b.c", "null"},
        {"{\"a\":{\"b\":{\"c\":null}}}", "a.b", "{\"c\":null}"},
        {"{\"a\":\"\\\"\\u00e9\\ud83d\\ude00\",\"b\":2}", "a", "\"\\\"\\u00e9\\ud83d\\ude00\""},
        {"{\"a\":\"\xC3\xA9\xF0\x9F\x98\x80\",\"b\":2}", "b", "2"},
        {"{\"a\":\"\",\"b\":\"\"}", "b", "\"\""},
        {"\xEF\xBB\xBF{\"a\":7}", "a", "7"},
        {"\xEF\xBB\xBF{\"a\":7}", "", "{\"a\":7}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        const struct json *root = parse_good(arena, cases[i].text, &loose);
        assert_range(cases[i].path[0] == '\0' ? root : json_path(root, str_of(cases[i].path)), cases[i].text,
                     cases[i].range);
        arena_free(arena);
    }
}

static void test_ranges_of_elements_and_keys(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const char *text = "[ {\"x\" :1}, -2e+7,\"three\" ,[ ],false]";
    static const char *const ranges[] = {"{\"x\" :1}", "-2e+7", "\"three\"", "[ ]", "false"};
    const struct json *root = parse_good(arena, text, &loose), *element = root->first;
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++, element = element->next)
        assert_range(element, text, ranges[i]);
    assert_null(element);
    assert_int_equal(root->first->first->key_start, 3);
    arena_free(arena);
}

static void test_a_scalar_alone(void **state) {
    (void)state;
    static const char *const texts[] = {"12", " 12", "-0.5e-7 ", "\"x\"", "true", " null ", "0"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena *arena = arena_new(0);
        const struct json *root = parse_good(arena, texts[i], &loose);
        struct str trimmed = str_trim(str_of(texts[i]));
        assert_true(str_eq(str_slice(texts[i] + root->start, root->end - root->start), trimmed));
        arena_free(arena);
    }
}

static void test_strings_are_decoded(void **state) {
    (void)state;
    static const struct {
        const char *json, *decoded;
    } cases[] = {
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00E9\\u20ac\"", "A\xC3\xA9\xE2\x82\xAC"},
        {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
        {"\"\xC3\xA9\"", "\xC3\xA9"},
        {"\"\x7f\"", "\x7f"},
        {"\"\\udc00x\"", "\xEF\xBF\xBDx"}, /* the second half alone */
        {"\"x\\udfff\"", "x\xEF\xBF\xBD"}, /* at the end */
        {"\"\\ud800\"", "?"},              /* the first half alone */
        {"\"\\ud800\\n\"", "?\n"},         /* before another escape */
        {"\"\"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        const struct json *root = parse_good(arena, cases[i].json, &loose);
        assert_str(root->text, cases[i].decoded);
        assert_true(str_is_utf8(root->text));
        assert_non_null(root->text.at);
        arena_free(arena);
    }
}

static void test_an_escaped_nul_is_kept(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json *root = parse_good(arena, "{\"a\\u0000b\":\"c\\u0000\"}", &loose);
    assert_true(str_eq(root->first->key, str_slice("a\0b", 3)));
    assert_true(str_eq(root->first->text, str_slice("c\0", 2)));
    assert_non_null(json_get(root, str_slice("a\0b", 3)));
    assert_null(json_get(root, STR("a")));
    arena_free(arena);
}

static void test_numbers_are_kept_as_written(void **state) {
    (void)state;
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "123456789012345678901234567890",
                                          "1e999",
                                          "-1.5E-400",
                                          "1.10",
                                          "0.1000000000000000055511151231257827021181583404541015625"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct arena *arena = arena_new(0);
        struct strbuf text = {0};
        strbuf_printf(&text, "[%s]", numbers[i]);
        const struct json *root = parse_good(arena, text.at, &loose);
        assert_str(root->first->text, numbers[i]);
        strbuf_clear(&text);
        arena_free(arena);
    }
}

struct refusal {
    struct str text;
    uint32_t line, column;
    const char *what; /* a part of it */
};

/* Says every case that went otherwise, then fails. */
static void assert_all_refused(const struct refusal *cases, size_t count, const struct json_limits *limits,
                               enum err expected) {
    int wrong = 0;
    for (const struct refusal *refusal = cases; refusal < cases + count; refusal++) {
        struct arena *arena = arena_new(0);
        struct json *root = NULL;
        struct json_error error = {.what = "untouched"};
        enum err err = parse(arena, refusal->text, limits, &root, &error);
        if (err != expected || root != NULL || parse(arena, refusal->text, limits, &root, NULL) != expected ||
            strstr(error.what, refusal->what) == NULL || strchr(error.what, '\n') != NULL ||
            error.line != refusal->line || error.column != refusal->column) {
            print_error("\"" STR_FMT "\": %s, %u:%u: %s\n", STR_ARG(refusal->text), err_name(err), error.line,
                        error.column, error.what);
            wrong++;
        }
        arena_free(arena);
    }
    assert_int_equal(wrong, 0);
}

static void test_what_is_not_json_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {{"", 0}, 1, 1, "empty"},
        {{" \n ", 3}, 1, 1, "empty"},
        {{"\xEF\xBB\xBF", 3}, 1, 4, "empty"},
        {{"{", 1}, 1, 2, "ends in the middle"},
        {{"{\"a\":", 5}, 1, 6, "ends in the middle"},
        {{"{\"a\":\n\"abc", 10}, 2, 5, "ends in the middle"},
        {{"{\"a\":12", 7}, 1, 8, "ends in the middle"},
        {{"[1,]", 4}, 1, 4, "a value was expected"},
        {{"[1,,2]", 6}, 1, 4, "a value was expected"},
        {{"[,]", 3}, 1, 2, "a value was expected"},
        {{"]", 1}, 1, 1, "a value was expected"},
        {{"{\n  \"a\" 1}", 10}, 2, 7, "a colon was expected"},
        {{"{\"a\":1 \"b\":2}", 13}, 1, 8, "\",\" or \"}\""},
        {{"{\"a\":1,\n}", 9}, 2, 1, "a key in quotation marks"},
        {{"{a:1}", 5}, 1, 2, "cannot begin a value"},
        {{"{1:1}", 5}, 1, 2, "a key in quotation marks"},
        {{"[1 2]", 5}, 1, 4, "\",\" or \"]\""},
        {{"[1}", 3}, 1, 3, "\",\" or \"]\""},
        {{"{} {}", 5}, 1, 4, "follows the end"},
        {{"{}\n\nx", 5}, 3, 1, "follows the end"},
        {{"{},", 3}, 1, 3, "follows the end"},
        {{"{}\0", 3}, 1, 3, "follows the end"},
        {{"[01]", 4}, 1, 3, "\",\" or \"]\""},
        {{"[+1]", 4}, 1, 2, "cannot begin a value"},
        {{"[1.]", 4}, 1, 2, "decimal point"},
        {{"[1e]", 4}, 1, 2, "exponent"},
        {{"[-]", 3}, 1, 2, "minus"},
        {{"[.5]", 4}, 1, 2, "cannot begin a value"},
        {{"[NaN]", 5}, 1, 2, "cannot begin a value"},
        {{"[tru]", 5}, 1, 2, "not true, false or null"},
        {{"tru", 3}, 1, 1, "not true, false or null"},
        {{"['a']", 5}, 1, 2, "cannot begin a value"},
        {{"[\"a\nb\"]", 7}, 1, 4, "control character"},
        {{"[\"a\0b\"]", 7}, 1, 4, "control character"},
        {{"[\"\\x\"]", 6}, 1, 4, "backslash"},
        {{"[\"\\u12g4\"]", 10}, 1, 7, "hexadecimal"},
        {{"[1,\v2]", 6}, 1, 4, "may not stand"},
        {{"[\f]", 3}, 1, 2, "may not stand"},
        {{"[]\v", 3}, 1, 3, "follows the end"},
        {{"[1] // x", 8}, 1, 5, "follows the end"},
        {{"[1,/**/2]", 9}, 1, 4, "comment"},
        {{"[/**/1]", 7}, 1, 2, "comment"},
        {{"[\"\xFF\"]", 5}, 1, 3, "not UTF-8 (0xff)"},
        {{"[\"\xC0\x80\"]", 6}, 1, 3, "not UTF-8 (0xc0)"},
        {{"[\"\xED\xA0\x80\"]", 7}, 1, 3, "not UTF-8 (0xed)"},
        {{"[\"\xF4\x90\x80\x80\"]", 8}, 1, 3, "not UTF-8 (0xf4)"},
        {{"[\"\xE2\x82", 4}, 1, 3, "not UTF-8 (0xe2)"},
        {{"\xFF\xFE{\0}\0", 6}, 1, 1, "not UTF-8 (0xff)"},
    };
    assert_all_refused(cases, ARRAY_LEN(cases), &loose, ERR_INVALID);
}

static void test_comments_where_asked_for(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const char *text = "// first, \"{\" and all\n{ /* {\"no\":1} */ \"a\" /*:*/ : /**/ // one\n 1, /***/ \"b\": // x\n"
                       "[ /* , */ ]/* , */ , \"c\": \"/* no // comment */\" } // the end";
    const struct json *root = parse_good(arena, text, &written);
    assert_int_equal(root->count, 3);
    assert_range(json_get(root, STR("a")), text, "1");
    assert_range(json_get(root, STR("b")), text, "[ /* , */ ]");
    assert_str(json_string(json_get(root, STR("c"))), "/* no // comment */");
    static const struct refusal cases[] = {
        {{"{} /* never", 11}, 1, 12, "in the middle of a comment"},
        {{"/* never {}", 11}, 1, 12, "ends in the middle"},
        {{"// {}", 5}, 1, 6, "ends in the middle"},
        {{"{} /x", 5}, 1, 4, "follows the end"},
        {{"/", 1}, 1, 1, "cannot begin a value"},
        {{"[1,/]", 5}, 1, 4, "cannot begin a value"},
        {{"{} /", 4}, 1, 4, "follows the end"},
    };
    assert_all_refused(cases, ARRAY_LEN(cases), &written, ERR_INVALID);
    arena_free(arena);
}

static void test_repeated_keys(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const char *text = "{\"a\":1,\"b\":2,\"a\":3}";
    const struct json *root = parse_good(arena, text, &loose);
    assert_int_equal(root->count, 3);
    assert_str(json_get(root, STR("a"))->text, "3");
    static const struct refusal cases[] = {
        {{"{\"a\":1,\n\"b\":2,\"a\":3}", 20}, 2, 7, "\"a\" stands here a second time"},
        {{"{\"b\":1,\"a\":1,\"b\":2,\"a\":3}", 25}, 1, 14, "\"b\""},
        {{"[{\"x\":{\"a\":1,\"\\u0061\":1}}]", 26}, 1, 14, "\"a\""},
    };
    assert_all_refused(cases, ARRAY_LEN(cases), &written, ERR_INVALID);
    parse_good(arena, "[{\"a\":1},{\"a\":1,\"A\":{\"a\":1}}]", &written);
    arena_free(arena);
}

static void test_limits(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    static const struct json_limits tight = {.depth = 2, .values = 4};
    parse_good(arena, "[[1,2]]", &tight);
    parse_good(arena, "[[],[],[]]", &tight);
    static const struct refusal cases[] = {
        {{"[{\"a\":[]}]", 10}, 1, 7, "deeper than 2"},
        {{"[[[", 3}, 1, 3, "deeper than 2"},
        {{"[1,2,\n3,4]", 10}, 2, 3, "more than 4 values"},
    };
    assert_all_refused(cases, ARRAY_LEN(cases), &tight, ERR_LIMIT);
    arena_free(arena);
}

static void test_very_deep_text_is_cheap_to_refuse(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    for (int i = 0; i < 1000000; i++)
        strbuf_append_char(&text, i % 2 == 0 ? '[' : '{');
    struct json *root;
    struct json_error error;
    assert_int_equal(json_parse(arena, strbuf_str(&text), &loose, &root, &error), ERR_INVALID); /* "[{[" */
    memset(text.at, '[', text.len);
    assert_int_equal(json_parse(arena, strbuf_str(&text), &loose, &root, &error), ERR_LIMIT);
    assert_int_equal(error.offset, loose.depth);
    assert_true(arena_used(arena) < 100000);
    strbuf_clear(&text);
    arena_free(arena);
}

static void test_every_truncation_is_refused(void **state) {
    (void)state;
    const char *text = "{\"a\":[1,-2.5e3,true,null,\"\\u00e9\\n\xE2\x82\xAC\"],\"b\":{\"c\":{}}}";
    struct arena *arena = arena_new(0);
    for (size_t len = 0; len < strlen(text); len++) {
        struct json *root = NULL;
        struct json_error error;
        assert_int_equal(parse(arena, str_slice(text, len), &loose, &root, &error), ERR_INVALID);
        assert_null(root);
        assert_true(error.offset <= len);
        assert_int_equal(error.line, 1);
    }
    arena_free(arena);
}

/* Random damage to a good text: whatever is read must have ranges that lie within each other and read again alike. */
static void check_ranges(struct arena *arena, struct str text, const struct json *value) {
    assert_true(value->start < value->end && value->end <= text.len);
    struct json *again;
    struct str part = str_slice(text.at + value->start, value->end - value->start);
    assert_int_equal(parse(arena, part, &loose, &again, NULL), ERR_NONE);
    assert_true(json_equal(value, again));
    for (const struct json *child = value->first; child != NULL; child = child->next) {
        assert_true(child->start > value->start && child->end < value->end);
        assert_true(child->next == NULL || child->end < child->next->start);
        check_ranges(arena, text, child);
    }
}

static void test_damaged_text(void **state) {
    (void)state;
    static const char good[] = "{\"a\":[1,-2.5e3,true,null,\"\\u00e9\\n\"], \"b\" : {\"c\":{},\"d\":[[ ]]}}";
    static const char bytes[] = "{}[]\",:\\ 01-eE.+tfnu/*\n\xC3\xA9\x01";
    unsigned seed = 20240901;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (int hits = 1 + rand_r(&seed) % 3; hits > 0; hits--)
            text[(size_t)rand_r(&seed) % (sizeof good - 1)] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
        struct arena *arena = arena_new(0);
        struct json *root;
        struct str damaged = str_slice(text, sizeof good - 1);
        if (parse(arena, damaged, &loose, &root, NULL) == ERR_NONE)
            check_ranges(arena, damaged, root);
        arena_free(arena);
    }
}

static void test_lookup(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json *root =
        parse_good(arena, "{\"companyid\":1,\"CompanyId\":2,\"a\":{\"b\":\"x\"},\"n\":[]}", &loose);
    assert_str(json_get_nocase(root, STR("CompanyId"))->text, "2");
    assert_str(json_get_nocase(root, STR("companyid"))->text, "1");
    assert_non_null(json_get_nocase(root, STR("COMPANYID")));
    assert_null(json_get_nocase(root, STR("company")));
    assert_str(json_string(json_path(root, STR("a.b"))), "x");
    assert_null(json_path(root, STR("a.b.c")));
    assert_null(json_path(root, STR("n.b")));
    assert_null(json_path(NULL, STR("a")));
    assert_null(json_get(NULL, STR("a")));
    assert_null(json_get(json_get(root, STR("n")), STR("a")));
    assert_null(json_string(NULL).at);
    assert_null(json_string(root).at);
    assert_false(json_is_true(NULL));
    arena_free(arena);
}

static void test_equality(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"1", "1.0", true},
        {"1", "1e0", true},
        {"100", "1e2", true},
        {"-0", "0", true},
        {"9007199254740993", "9007199254740992", false},
        {"1e999", "1e998", false},
        {"1e999", "1e999", true},
        {"1", "\"1\"", false},
        {"null", "false", false},
        {"true", "true", true},
        {"true", "false", false},
        {"null", "null", true},
        {"\"\\u0041\"", "\"A\"", true},
        {"[1,2]", "[1, 2]", true},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1]", false},
        {"[]", "{}", false},
        {"{\"a\":1,\"b\":{\"c\":2}}", "{\"b\":{\"c\":2.0},\"a\":1}", true},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}", true},
        {"{\"a\":1,\"a\":2}", "{\"a\":1}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":1}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        const struct json *a = parse_good(arena, cases[i].a, &loose), *b = parse_good(arena, cases[i].b, &loose);
        if (json_equal(a, b) != cases[i].equal || json_equal(b, a) != cases[i].equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        arena_free(arena);
    }
    assert_true(json_equal(NULL, NULL));
}

static void test_writer(void **state) {
    (void)state;
    struct strbuf out = {0};
    struct json_writer writer;
    json_begin(&writer, &out);
    json_object_begin(&writer);
    json_key(&writer, "text");
    json_str(&writer, str_slice("a\"\\\n\x01\0z\x7f", 8));
    json_key_str(&writer, STR("list"));
    json_array_begin(&writer);
    json_int(&writer, INT64_MIN);
    json_array_begin(&writer);
    json_array_end(&writer);
    json_object_begin(&writer);
    json_object_end(&writer);
    json_bool(&writer, true);
    json_null(&writer);
    json_str(&writer, STR_NONE);
    json_str(&writer, STR(""));
    json_raw(&writer, STR("{\"x\":1}"));
    json_array_end(&writer);
    json_key(&writer, "bad");
    json_str(&writer, STR("\xC3\xA9\xFFx\xE2\x82"));
    json_object_end(&writer);
    assert_string_equal(out.at,
                        "{\"text\":\"a\\\"\\\\\\n\\u0001\\u0000z\\u007f\",\"list\":[-9223372036854775808,[],{},true,"
                        "null,null,\"\",{\"x\":1}],\"bad\":\"\xC3\xA9\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD\"}");
    strbuf_clear(&out);
}

/* What a terminal would obey is escaped as well, and reads back the same. (fault 5.9) */
static void test_controls_are_escaped(void **state) {
    (void)state;
    struct strbuf out = {0};
    struct json_writer writer;
    json_begin(&writer, &out);
    json_str(&writer, STR("a\xC2\x9B"
                          "31m\xE2\x80\xAE"
                          "b\xE2\x81\xA6\xD8\x9C\xEF\xBB\xBF\xC2\xA0\xE2\x82\xAC"));
    assert_string_equal(out.at, "\"a\\u009b31m\\u202eb\\u2066\\u061c\\ufeff\xC2\xA0\xE2\x82\xAC\"");
    strbuf_clear(&out);
}

static void test_doubles_read_back_the_same(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},          {1, "1"},
                 {-2.5e-7, "-2.5e-07"}, {1.0 / 3, "0.3333333333333333"},
                 {1e300, "1e+300"},     {9007199254740993.0, "9007199254740992"},
                 {NAN, "null"},         {INFINITY, "null"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf out = {0};
        struct json_writer writer;
        json_begin(&writer, &out);
        json_double(&writer, cases[i].value);
        assert_string_equal(out.at, cases[i].text);
        strbuf_clear(&out);
    }
}

static void test_a_tree_is_written_as_it_was_read(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const char *text = "{\"a\":[1.10,-0,true,null,\"\\n\"],\"a\":{\"\":{}},\"big\":123456789012345678901234567890}";
    const struct json *root = parse_good(arena, text, &loose);
    struct strbuf out = {0};
    struct json_writer writer;
    json_begin(&writer, &out);
    json_value(&writer, root);
    assert_string_equal(out.at, text);
    strbuf_clear(&out);
    arena_free(arena);
}

static void test_place(void **state) {
    (void)state;
    uint32_t line, column;
    struct str text = STR("ab\n\ncd");
    static const uint32_t expected[][2] = {{1, 1}, {1, 2}, {1, 3}, {2, 1}, {3, 1}, {3, 2}, {3, 3}};
    for (uint32_t offset = 0; offset < ARRAY_LEN(expected); offset++) {
        json_place(text, offset, &line, &column);
        assert_int_equal(line, expected[offset][0]);
        assert_int_equal(column, expected[offset][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_is_read),
        cmocka_unit_test(test_byte_ranges),
        cmocka_unit_test(test_ranges_of_elements_and_keys),
        cmocka_unit_test(test_a_scalar_alone),
        cmocka_unit_test(test_strings_are_decoded),
        cmocka_unit_test(test_an_escaped_nul_is_kept),
        cmocka_unit_test(test_numbers_are_kept_as_written),
        cmocka_unit_test(test_what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(test_comments_where_asked_for),
        cmocka_unit_test(test_repeated_keys),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_very_deep_text_is_cheap_to_refuse),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_damaged_text),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_controls_are_escaped),
        cmocka_unit_test(test_doubles_read_back_the_same),
        cmocka_unit_test(test_a_tree_is_written_as_it_was_read),
        cmocka_unit_test(test_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
