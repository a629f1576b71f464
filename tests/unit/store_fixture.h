/* For tests of the store: a directory that goes away, and messages to put into it. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "proxy/store/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char directory[64], path[96];
};

static inline void place_make(struct place *place) {
    snprintf(place->directory, sizeof place->directory, "/tmp/hookshift-store-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/store.db", place->directory);
}

static inline void place_remove(struct place *place) {
    static const char *const endings[] = {"", "-wal", "-journal", "-shm", "-reserve"};
    char name[128];
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        snprintf(name, sizeof name, "%s%s", place->path, endings[i]);
        unlink(name);
    }
    assert_int_equal(chmod(place->directory, 0700), 0);
    assert_int_equal(rmdir(place->directory), 0);
}

static inline struct record record_sample(uint64_t id) {
    return (struct record){
        .id = id,
        .state = STATE_PENDING,
        .due_ms = 1000 + (int64_t)id,
        .changed_ms = 500,
        .marks = RECORD_PROMISED,
        .generation = GENERATION_RULE,
        .endpoint = ENDPOINT_LEGACY,
        .received_ms = 400,
        .time_ms = 300,
        .item_count = 1,
        .identity_hash = 0x9000000000000000U + id,
        .group = UINT64_MAX - id,
        .identity = STR("h:msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"),
        .type = STR("DataSyncCompleted"),
        .counterpart = STR("read.completed"),
        .company = STR("8a210b68-6988-11ed-a1eb-0242ac120002"),
        .connection = STR("2e9d2c44-f675-40ba-8049-353bfcb5e171"),
        .data_type = STR("accounts"),
        .rule_id = STR(""),
        .target = STR("/hooks?a=b"),
        .facts = STR("read/8a210b68/2e9d2c44/accounts/completed"),
        .admission = STR("{\"fate\":\"deliver\"}"),
    };
}

static inline struct content content_sample(void) {
    return (struct content){STR("Content-Type: application/json\r\n"), STR("{\"a\":\"\0b\"}")};
}

#define assert_str_same(a, b)                                                                                          \
    do {                                                                                                               \
        assert_int_equal((a).at == NULL, (b).at == NULL);                                                              \
        assert_true(str_eq((a), (b)));                                                                                 \
    } while (0)

static inline void assert_record_same(const struct record *a, const struct record *b) {
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->due_ms, b->due_ms);
    assert_int_equal(a->changed_ms, b->changed_ms);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->tries, b->tries);
    assert_int_equal(a->marks, b->marks);
    assert_str_same(a->trimmed, b->trimmed);
    assert_int_equal(a->generation, b->generation);
    assert_int_equal(a->endpoint, b->endpoint);
    assert_int_equal(a->received_ms, b->received_ms);
    assert_int_equal(a->time_ms, b->time_ms);
    assert_int_equal(a->item_count, b->item_count);
    assert_int_equal(a->identity_hash, b->identity_hash);
    assert_int_equal(a->group, b->group);
    assert_str_same(a->identity, b->identity);
    assert_str_same(a->type, b->type);
    assert_str_same(a->counterpart, b->counterpart);
    assert_str_same(a->company, b->company);
    assert_str_same(a->connection, b->connection);
    assert_str_same(a->data_type, b->data_type);
    assert_str_same(a->rule_id, b->rule_id);
    assert_str_same(a->target, b->target);
    assert_str_same(a->trace_parent, b->trace_parent);
    assert_str_same(a->facts, b->facts);
    assert_str_same(a->admission, b->admission);
}

#endif
