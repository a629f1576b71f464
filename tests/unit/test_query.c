#include "proxy/admin/filters.h"
#include "proxy/admin/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_str(struct str s, const char *expected) {
    if (!str_eq(s, str_of(expected)))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(s), expected);
}

static enum err parse(struct arena *arena, const char *text, struct query *query) {
    struct err_detail detail = {""};
    enum err err = query_parse(arena, str_of(text), query, &detail);
    if (err != ERR_NONE)
        assert_true(detail.text[0] != '\0');
    return err;
}

static void test_parse(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct query query;
    assert_int_equal(parse(arena, "a=1&b=x%20y+z&&c&a%3D=%c3%A4", &query), ERR_NONE);
    assert_int_equal(query.count, 4);
    assert_str(query_get(&query, STR("a")), "1");
    assert_str(query_get(&query, STR("b")), "x y z");
    assert_str(query_get(&query, STR("c")), "");
    assert_str(query_get(&query, STR("a=")), "\xc3\xa4");
    assert_null(query_get(&query, STR("d")).at);
    assert_int_equal(parse(arena, "", &query), ERR_NONE);
    assert_int_equal(query.count, 0);
    arena_free(arena);
}

static void test_parse_refuses(void **state) {
    (void)state;
    static const char *const wrong[] = {"a=%", "a=%4", "a=%4g", "a=%zz", "%=1", "a=%ff", "a=%c3"};
    struct arena *arena = arena_new(0);
    struct query query = {.count = 77};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (parse(arena, wrong[i], &query) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i]);
    struct strbuf many = {0};
    for (int i = 0; i <= QUERY_MAX; i++)
        strbuf_printf(&many, "a%d=1&", i);
    assert_int_equal(parse(arena, many.at, &query), ERR_LIMIT);
    assert_int_equal(query.count, 77); /* untouched */
    strbuf_clear(&many);
    arena_free(arena);
}

static void test_encode(void **state) {
    (void)state;
    struct strbuf out = {0};
    query_encode(&out, STR("a-Z_0.~ /&=%\xc3\xa4"));
    assert_string_equal(out.at, "a-Z_0.~%20%2F%26%3D%25%C3%A4");
    strbuf_clear(&out);
}

static enum err filter(struct arena *arena, const char *text, struct filter *filter, struct err_detail *detail) {
    struct query query;
    assert_int_equal(parse(arena, text, &query), ERR_NONE);
    return filter_from_query(&query, filter, detail);
}

static void test_filter(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct err_detail detail;
    struct filter all, some;
    assert_int_equal(filter(arena, "", &all, &detail), ERR_NONE);
    assert_int_equal(all.state, -1);
    assert_int_equal(all.generation, -1);
    assert_int_equal(all.limit, FILTER_LIMIT_DEFAULT);
    assert_null(all.type.at);
    assert_true(all.before == 0);
    assert_false(filter_is_narrow(&all));
    assert_int_equal(filter(arena, "state=&generation=&type=&company=&before=&limit=", &all, &detail), ERR_NONE);
    assert_int_equal(all.state, -1);
    assert_int_equal(all.generation, -1);
    assert_int_equal(all.limit, FILTER_LIMIT_DEFAULT);
    assert_null(all.type.at);
    assert_null(all.company.at);
    assert_false(filter_is_narrow(&all)); /* so a replay by it is refused */
    assert_int_equal(filter(arena, "limit=7&before=0000000000001", &all, &detail), ERR_NONE);
    assert_false(filter_is_narrow(&all)); /* which ones, not how many */
    assert_int_equal(filter(arena, "state=dead&generation=event&type=a.b&company=c&limit=500", &some, &detail),
                     ERR_NONE);
    assert_int_equal(some.state, STATE_DEAD);
    assert_int_equal(some.generation, GENERATION_EVENT);
    assert_int_equal(some.limit, 500);
    assert_str(some.type, "a.b");
    assert_str(some.company, "c");
    assert_true(filter_is_narrow(&some));
    arena_free(arena);
}

static void test_types_in_any_spelling(void **state) {
    (void)state;
    static const struct {
        const char *asked, *settled;
    } cases[] = {
        {"Data sync completed", "DataSyncCompleted"},
        {"NEWCOMPANYSYNCHRONISED", "NewCompanySynchronized"},
        {"Read.Completed", "read.completed"},
        {"bills.write.successful", "bills.write.successful"},
        {"Ratio(>,0)", "Ratio(>,0)"},
    };
    struct catalog *catalog = catalog_builtin();
    struct filter filter = {.type = STR_NONE};
    filter_settle_type(&filter, catalog);
    assert_null(filter.type.at);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        filter.type = str_of(cases[i].asked);
        filter_settle_type(&filter, catalog);
        assert_str(filter.type, cases[i].settled);
    }
    catalog_free(catalog);
}

static void test_filter_names_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *query, *word;
    } wrong[] = {
        {"state=broken", "state"},
        {"state=%20", "state"},
        {"state=DEAD", "state"},
        {"generation=old", "generation"},
        {"limit=0", "limit"},
        {"limit=501", "limit"},
        {"limit=ten", "limit"},
        {"limit=-1", "limit"},
        {"before=12", "before"},
        {"before=zzz", "before"},
        {"status=dead", "status"},
        {"state=dead&state=held", "state"},
        {"since=tomorrow", "since"},
        {"until=25:00", "until"},
        {"since=2024-02-30", "2024-02-30"},
        {"since=12&until=1h", "since"},
        {"endpoint=old", "endpoint"},
        {"unpaired=maybe", "unpaired"},
        {"type=a*b", "*"},
        {"after=12", "after"},
        {"since=2024-09-02&until=2024-09-01", "before until"},
    };
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct filter read;
        struct err_detail detail = {""};
        if (filter(arena, wrong[i].query, &read, &detail) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i].query);
        if (strstr(detail.text, wrong[i].word) == NULL)
            fail_msg("%s: %s", wrong[i].query, detail.text);
    }
    arena_free(arena);
}

static void test_filter_for_one(void **state) {
    (void)state;
    static const struct {
        const char *query, *id; /* NULL: none is asked for */
    } cases[] = {
        {"", NULL},
        {"before=000000000000a", NULL},
        {"id=000000000000a", "000000000000a"},
        {"id=000000000000a&before=0000000000001", "000000000000a"},
        {"id=what%20is%20this", "what is this"},
        {"id=msg_%2527%25", "msg_%27%"},
        {"id=", ""},
    };
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct query query;
        struct filter filter;
        struct str id = STR("untouched");
        struct err_detail detail;
        assert_int_equal(parse(arena, cases[i].query, &query), ERR_NONE);
        assert_int_equal(filter_for_list(&query, &filter, &id, &detail), ERR_NONE);
        if (cases[i].id == NULL)
            assert_null(id.at);
        else
            assert_str(id, cases[i].id);
    }
    struct filter unused;
    struct err_detail detail;
    assert_int_equal(filter(arena, "id=000000000000a", &unused, &detail), ERR_INVALID); /* of a replay */
    arena_free(arena);
}

static void test_filter_by_more(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct err_detail detail;
    struct filter some;
    assert_int_equal(
        filter(arena, "since=2024-09-01&until=2024-09-01T12:14:14Z&endpoint=new&type=read.*", &some, &detail),
        ERR_NONE);
    assert_true(some.since_ms == 1725148800000 && some.until_ms == 1725192854000);
    assert_int_equal(some.endpoints, 1U << ENDPOINT_NEW);
    assert_true(some.type_is_prefix && !some.unpaired && !some.near_miss);
    assert_str(some.type, "read.");
    assert_int_equal(filter(arena, "unpaired&near_miss=true&after=000000000000a", &some, &detail), ERR_NONE);
    assert_true(some.unpaired && some.near_miss && some.after == 10);
    assert_int_equal(filter(arena, "unpaired=false&near_miss=0", &some, &detail), ERR_NONE);
    assert_false(some.unpaired || some.near_miss);
    static const char *const narrow[] = {"since=24h",  "until=1725192854", "endpoint=legacy",
                                         "unpaired=1", "near_miss",        "type=*"};
    for (size_t i = 0; i < ARRAY_LEN(narrow); i++) {
        assert_int_equal(filter(arena, narrow[i], &some, &detail), ERR_NONE);
        assert_true(filter_is_narrow(&some));
    }
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_types_in_any_spelling),
        cmocka_unit_test(test_filter_names_what_is_wrong),
        cmocka_unit_test(test_filter_for_one),
        cmocka_unit_test(test_filter_by_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
