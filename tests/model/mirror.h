/* A backend in front of another one: remembers all that is written, so that every step can be compared without
 * reading the store back, and fails on demand.
 *
 * Owns the backend behind it. A rollback takes the memory back too. */
#ifndef TESTS_MODEL_MIRROR_H
#define TESTS_MODEL_MIRROR_H

#include "proxy/store/backend.h"
#include "tests/model/sketch.h"

enum { MIRROR_RECORDS = 512, MIRROR_TWINS = 8192 };

struct mirror_record {
    uint64_t id;
    bool there;
    enum generation generation;
    enum endpoint endpoint;
    enum state state;
    int64_t due_ms, time_ms, received_ms, changed_ms;
    uint32_t attempts, tries, marks, item_count, trimmed, again; /* the last two as bits */
    uint64_t group;
    uint32_t fact_rows;    /* that point to it */
    uint32_t steps;        /* told of it */
    enum state step_state; /* after the last of them */
};

struct mirror_twin {
    uint64_t event, rule, group;
    uint32_t item;
};

struct mirror_data {
    size_t record_count, twin_count;
    struct mirror_twin twins[MIRROR_TWINS];
    struct mirror_record records[MIRROR_RECORDS]; /* by id */
};

struct mirror {
    struct backend base;
    struct backend *inner;
    unsigned fail_at; /* 0: never; else the call, counted from 1, that fails next */
    bool failed;      /* a call has failed since mirror_arm() */
    void (*on_fail)(void *arg);
    void *arg;
    bool in_group;
    struct mirror_data now, saved;
};

/* Puts itself in front of `inner`, for which `mirror` knows all that is in it. */
void mirror_attach(struct mirror *mirror, struct backend *inner);
void mirror_copy(struct mirror_data *to, const struct mirror_data *from);
void mirror_clear(struct mirror *mirror);                 /* an empty store */
void mirror_arm(struct mirror *mirror, unsigned fail_at); /* the call that fails from now on; 0: none */
void mirror_lose_group(struct mirror *mirror);            /* the process ended within a group */
const struct mirror_record *mirror_find(const struct mirror_data *data, uint64_t id); /* NULL where it never was */

#endif
