/* The words of the domain: names, states, identities, hashes and ids. */
#include "proxy/model/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>

static int make_arena(void **state) {
    *state = arena_new(0);
    return 0;
}

static int drop_arena(void **state) {
    arena_free(*state);
    return 0;
}

static void names_are_read_as_they_are_written(void **state) {
    static const char *const generations[] = {"unknown", "rule", "event"};
    static const char *const endpoints[] = {"legacy", "new"};
    static const char *const states[] = {"pending", "held", "parked", "delivered", "suppressed", "dead", "expired"};
    enum generation generation = GENERATION_UNKNOWN;
    enum endpoint endpoint = ENDPOINT_LEGACY;
    enum state message_state = STATE_PENDING;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(generations); i++) {
        assert_string_equal(generation_name((enum generation)i), generations[i]);
        assert_true(generation_parse(str_of(generations[i]), &generation));
        assert_int_equal(generation, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        assert_string_equal(endpoint_name((enum endpoint)i), endpoints[i]);
        assert_true(endpoint_parse(str_of(endpoints[i]), &endpoint));
        assert_int_equal(endpoint, i);
        assert_int_equal(endpoint_other(endpoint), 1 - (int)i);
    }
    assert_int_equal(ARRAY_LEN(states), STATE_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        assert_string_equal(state_name((enum state)i), states[i]);
        assert_true(state_parse(str_of(states[i]), &message_state));
        assert_int_equal(message_state, i);
    }
    assert_false(generation_parse(STR("Rule"), &generation));
    assert_false(endpoint_parse(STR(""), &endpoint));
    assert_false(state_parse(STR("pendin"), &message_state));
    assert_int_equal(message_state, STATE_EXPIRED); /* as it was */
}

/* (pairing 1.11) */
static void states_are_open_or_final_handled_or_not(void **state) {
    static const struct {
        enum state state;
        bool is_handled, is_final;
    } cases[] = {
        {STATE_PENDING, true, false},  {STATE_HELD, false, false},      {STATE_PARKED, false, false},
        {STATE_DELIVERED, true, true}, {STATE_SUPPRESSED, false, true}, {STATE_DEAD, false, true},
        {STATE_EXPIRED, false, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(state_is_handled(cases[i].state), cases[i].is_handled);
        assert_int_equal(state_is_final(cases[i].state), cases[i].is_final);
    }
}

/* (pairing 1.2, 1.3, 1.4) */
static void identities_are_of_the_header_else_of_the_body(void **state) {
    static const struct {
        enum generation generation;
        struct str webhook_id, body_id, identity;
    } cases[] = {
        {GENERATION_RULE, {"msg_A", 5}, {"B", 1}, {"h:msg_A\nb:b", 11}},
        {GENERATION_RULE, {"msg_A", 5}, {NULL, 0}, {"h:msg_A", 7}},
        {GENERATION_RULE, {"msg_A", 5}, {"-", 1}, {"h:msg_A", 7}},
        {GENERATION_RULE, {"  ", 2}, {"B", 1}, {"b:b", 3}},
        {GENERATION_UNKNOWN, {"msg", 3}, {"x", 1}, {"h:msg", 5}},
        {GENERATION_EVENT, {NULL, 0}, {"00000000-0000-0000-0000-000000000000", 36}, {NULL, 0}},
        {GENERATION_EVENT, {NULL, 0}, {"AbC-1", 5}, {"b:abc-1", 7}},
        {GENERATION_EVENT, {"", 0}, {"x", 1}, {"b:x", 3}},
        {GENERATION_RULE, {NULL, 0}, {"a\0B", 3}, {"b:a\0b", 5}},
        {GENERATION_RULE, {NULL, 0}, {NULL, 0}, {NULL, 0}},
        {GENERATION_RULE, {NULL, 0}, {"", 0}, {NULL, 0}},
        {GENERATION_UNKNOWN, {"msg", 3}, {NULL, 0}, {"h:msg", 5}},
        {GENERATION_UNKNOWN, {NULL, 0}, {"x", 1}, {NULL, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct message message = {
            .generation = cases[i].generation, .webhook_id = cases[i].webhook_id, .body_id = cases[i].body_id};
        struct str identity = message_identity(*state, &message);
        assert_int_equal(identity.at == NULL, cases[i].identity.at == NULL);
        assert_true(str_eq(identity, cases[i].identity));
    }
}

/* Section 1: placeholders are no identity. (pairing 1.3b) (fault 2.3) */
static void ids_that_stand_for_nothing(void **state) {
    static const struct {
        const char *id;
        bool is_placeholder;
    } cases[] = {
        {"", true},
        {" ", true},
        {"\t \n", true},
        {"-", true},
        {" - ", true},
        {"--", true},
        {"0", true},
        {"00000000-0000-0000-0000-000000000000", true},
        {" 00000000-0000-0000-0000-000000000000\n", true},
        {"{00000000-0000-0000-0000-000000000000}", true},
        {"(00000000-0000-0000-0000-000000000000)", true},
        {"urn:uuid:00000000-0000-0000-0000-000000000000", true},
        {"URN:UUID:00000000-0000-0000-0000-000000000000", true},
        {"00000000000000000000000000000000", true},
        {"ffffffff-ffff-ffff-ffff-ffffffffffff", true},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", true},
        {"null", true},
        {"NULL", true},
        {"nil", true},
        {"None", true},
        {"undefined", true},
        {"00000000-0000-0000-0000-000000000001", false},
        {"10000000-0000-0000-0000-000000000000", false},
        {"a", false},
        {"1", false},
        {"f", false},
        {"ff", false},
        {"msg_0", false},
        {"nullable", false},
        {"{a}", false},
        {"9", false},
    };
    (void)state;
    assert_true(id_is_placeholder(STR_NONE));
    assert_false(id_is_placeholder(str_slice("0\0"
                                             "1",
                                             3)));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (id_is_placeholder(str_of(cases[i].id)) != cases[i].is_placeholder)
            fail_msg("\"%s\" is %s", cases[i].id, cases[i].is_placeholder ? "an id" : "no id");
}

static void the_parts_of_an_identity(void **state) {
    static const struct {
        struct str identity, header, body, key;
    } cases[] = {
        {{"h:W\nb:b", 7}, {"h:W", 3}, {"b:b", 3}, {"h:W", 3}},
        {{"h:W", 3}, {"h:W", 3}, {NULL, 0}, {"h:W", 3}},
        {{"b:x\nb:y", 7}, {NULL, 0}, {"b:x\nb:y", 7}, {"b:x\nb:y", 7}},
        {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(str_eq(identity_header(cases[i].identity), cases[i].header));
        assert_true(str_eq(identity_body(cases[i].identity), cases[i].body));
        assert_true(str_eq(identity_key(cases[i].identity), cases[i].key));
    }
}

/* Stores keep these numbers: they must never change. */
static void hashes_are_what_they_were(void **state) {
    (void)state;
    assert_int_equal(fact_hash(GENERATION_RULE, STR("read/c/x/accounts/completed")), 0xdfdc8b880d435950U);
    assert_int_equal(fact_hash(GENERATION_EVENT, STR("read/c/x/accounts/completed")), 0xc88078a8745a0b9dU);
    assert_int_equal(identity_hash(GENERATION_RULE, STR("h:msg_1")), 0xda737b8617e61d98U);
    assert_int_equal(identity_hash(GENERATION_EVENT, STR("h:msg_1")), 0x9183c5a212458732U);
    assert_int_equal(rule_group(STR("DataSyncCompleted"), STR("r1")), 0xa8762267ec6d83a2U);
    assert_int_equal(rule_group(STR("DataSyncCompleted"), STR_NONE), 0x814f84a6128084b8U);
}

/* (pairing 2.11) */
static void hashes_do_not_mind_the_case_of_facts(void **state) {
    (void)state;
    assert_int_equal(fact_hash(GENERATION_RULE, STR("Write/ABC")), fact_hash(GENERATION_RULE, STR("write/abc")));
    assert_int_equal(rule_group(STR("Type"), STR("ID")), rule_group(STR("type"), STR("id")));
    assert_int_not_equal(identity_hash(GENERATION_RULE, STR("h:A")), identity_hash(GENERATION_RULE, STR("h:a")));
    assert_int_not_equal(rule_group(STR("ab"), STR("c")), rule_group(STR("a"), STR("bc")));
    assert_int_not_equal(fact_hash(GENERATION_RULE, STR("a[")), fact_hash(GENERATION_RULE, STR("a{")));
}

static void long_texts_are_hashed_to_their_end(void **state) {
    enum { LEN = 3 * FACT_KEY_MAX + 5 };
    struct arena *arena = *state;
    char *text = arena_alloc(arena, LEN), *other = arena_alloc(arena, LEN);
    memset(text, 'x', LEN);
    for (size_t at = FACT_KEY_MAX - 1; at < LEN; at += FACT_KEY_MAX / 2) {
        memset(other, 'X', LEN);
        assert_int_equal(fact_hash(GENERATION_RULE, str_slice(text, LEN)),
                         fact_hash(GENERATION_RULE, str_slice(other, LEN)));
        other[at] = 'y';
        assert_int_not_equal(fact_hash(GENERATION_RULE, str_slice(text, LEN)),
                             fact_hash(GENERATION_RULE, str_slice(other, LEN)));
    }
    assert_int_not_equal(fact_hash(GENERATION_RULE, str_slice(text, FACT_KEY_MAX)),
                         fact_hash(GENERATION_RULE, str_slice(text, 2 * FACT_KEY_MAX)));
}

static void ids_are_thirteen_characters(void **state) {
    static const struct {
        uint64_t id;
        const char *text;
    } cases[] = {
        {0, "0000000000000"},  {1, "0000000000001"},          {31, "000000000000z"},
        {32, "0000000000010"}, {UINT64_MAX, "fzzzzzzzzzzzz"}, {(uint64_t)1725192854015 << 20, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t id = 7;
        struct str text = message_id_format(*state, cases[i].id);
        if (cases[i].text != NULL)
            assert_true(str_eq(text, str_of(cases[i].text)));
        assert_int_equal(text.len, 13);
        assert_true(message_id_parse(text, &id));
        assert_int_equal(id, cases[i].id);
    }
}

static void what_is_no_id_is_refused(void **state) {
    static const struct str texts[] = {
        {"", 0},
        {NULL, 0},
        {"000000000000", 12},
        {"00000000000000", 14},
        {"000000000000i", 13},
        {"000000000000l", 13},
        {"000000000000o", 13},
        {"000000000000u", 13},
        {"000000000000Z", 13},
        {"000000000000-", 13},
        {"000000000000\0", 13},
        {"g000000000000", 13}, /* 65 bits */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint64_t id = 7;
        assert_false(message_id_parse(texts[i], &id));
        assert_int_equal(id, 7);
    }
}

static void ids_sort_as_their_numbers(void **state) {
    uint64_t before = 0;
    struct str text = message_id_format(*state, before);
    srand(20240901);
    for (int i = 0; i < 500; i++) {
        uint64_t id = before + (uint64_t)rand() * (uint64_t)rand() % ((uint64_t)1 << 50) + 1;
        struct str next = message_id_format(*state, id);
        assert_true(str_compare(text, next) < 0);
        before = id;
        text = next;
    }
}

#define WITH_ARENA(test)                                                                                               \
    { #test, test, make_arena, drop_arena, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ARENA(names_are_read_as_they_are_written),
        WITH_ARENA(states_are_open_or_final_handled_or_not),
        WITH_ARENA(identities_are_of_the_header_else_of_the_body),
        WITH_ARENA(ids_that_stand_for_nothing),
        WITH_ARENA(the_parts_of_an_identity),
        WITH_ARENA(hashes_are_what_they_were),
        WITH_ARENA(hashes_do_not_mind_the_case_of_facts),
        WITH_ARENA(long_texts_are_hashed_to_their_end),
        WITH_ARENA(ids_are_thirteen_characters),
        WITH_ARENA(what_is_no_id_is_refused),
        WITH_ARENA(ids_sort_as_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
