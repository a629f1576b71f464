/* New pairs come first, the newest of them where there are more than fit. What is left of a second's share goes to
 * those that were there at the start, newest first. A second in which the store is slow is a second in which nothing is
 * compared: one job is under way at most. */
#include "proxy/flow/fields.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/decide/translate.h"

enum {
    EVERY_MS = 1000,
    LOOKED_AT_PER_PAIR = 8, /* messages, so that many without a twin cost no more */
    TYPES_MAX = 256,
    FIELDS_MAX = 100, /* of a type: names of members are the sender's */
    PAIRS_MAX = 1000
};

struct fields {
    struct service *service;
    struct loop_timer *timer;
    struct field_type *types;
    size_t type_count;
    uint64_t after, before; /* how far it has come */
    bool is_busy;
    /* the job, one at a time */
    struct store_job job;
    struct arena *arena;
    struct twin_pair *pairs;
    size_t pair_count, wanted;
    uint64_t next_after, next_before;
};

static void compare_some(void *arg);

struct fields *fields_new(struct service *service, struct loop *loop) {
    struct fields *fields = MEM_NEW(struct fields);
    fields->service = service;
    fields->timer = loop_timer_new(loop, compare_some, fields);
    fields->after = fields->before = (uint64_t)clock_wall_ms() << 20;
    fields->job.loop = loop;
    if (service->settings->parity_compare > 0)
        loop_timer_set(fields->timer, EVERY_MS);
    return fields;
}

static void free_type(struct field_type *type) {
    for (size_t i = 0; i < type->count; i++)
        mem_free(type->fields[i].member);
    mem_free(type->fields);
    mem_free(type->name);
}

void fields_free(struct fields *fields) {
    if (fields == NULL)
        return;
    for (size_t i = 0; i < fields->type_count; i++)
        free_type(&fields->types[i]);
    mem_free(fields->types);
    loop_timer_free(fields->timer);
    arena_free(fields->arena);
    mem_free(fields);
}

size_t fields_type_count(const struct fields *fields) {
    return fields->type_count;
}

const struct field_type *fields_type_at(const struct fields *fields, size_t index) {
    return &fields->types[index];
}

uint64_t field_different(const struct field *field) {
    return field->counts[LEAF_DIFFERS] + field->counts[LEAF_ONLY_RULE] + field->counts[LEAF_ONLY_EVENT];
}

uint64_t field_compared(const struct field *field) {
    return field->counts[LEAF_EQUAL] + field_different(field);
}

struct field_evidence fields_evidence(const struct field_type *type, const struct field *field) {
    return (struct field_evidence){.type = str_of(type->name),
                                   .member = str_of(field->member),
                                   .compared = field_compared(field),
                                   .different = field_different(field),
                                   .example = field->examples[0].rule};
}

size_t fields_evidence_all(const struct fields *fields, struct arena *arena, struct field_evidence **evidence) {
    size_t most = 0, count = 0;
    for (size_t i = 0; fields != NULL && i < fields->type_count; i++)
        most += fields->types[i].count;
    *evidence = ARENA_ARRAY(arena, most, struct field_evidence);
    for (size_t i = 0; fields != NULL && i < fields->type_count; i++)
        for (size_t k = 0; k < fields->types[i].count; k++)
            (*evidence)[count++] = fields_evidence(&fields->types[i], &fields->types[i].fields[k]);
    return count;
}

/* ---- counting ---- */

static struct field_type *find_type(struct fields *fields, struct str name) {
    for (size_t i = 0; i < fields->type_count; i++)
        if (str_eq(str_of(fields->types[i].name), name))
            return &fields->types[i];
    if (fields->type_count == TYPES_MAX)
        return NULL;
    fields->types = mem_resize(fields->types, (fields->type_count + 1) * sizeof *fields->types);
    struct field_type *type = &fields->types[fields->type_count++];
    *type = (struct field_type){.name = mem_strdup(name.at)};
    return type;
}

static struct field *find_field(struct field_type *type, struct str member) {
    for (size_t i = 0; i < type->count; i++)
        if (str_eq_nocase(str_of(type->fields[i].member), member))
            return &type->fields[i];
    if (type->count == FIELDS_MAX)
        return NULL;
    type->fields = mem_resize(type->fields, (type->count + 1) * sizeof *type->fields);
    struct field *field = &type->fields[type->count++];
    *field = (struct field){.member = mem_strdup(member.at)};
    return field;
}

static void note_leaf(struct field_type *type, const struct leaf *leaf, const struct twin_pair *pair) {
    struct field *field = find_field(type, leaf->member);
    if (field == NULL)
        return;
    field->counts[leaf->result]++;
    if (leaf->result == LEAF_EQUAL || leaf->result == LEAF_NOT_REPLACED)
        return;
    memmove(&field->examples[1], &field->examples[0], (FIELD_EXAMPLES - 1) * sizeof field->examples[0]);
    field->examples[0] = (struct field_example){pair->rule, pair->event};
}

/* What was written for the item of the pair; NULL: nothing was. */
static const struct translation *written_for(const struct translations *written, uint32_t item) {
    for (size_t i = 0; i < written->count; i++)
        if (written->items[i].item == item)
            return &written->items[i];
    return NULL;
}

void fields_note(struct fields *fields, const struct twin_pair *pair) {
    const struct json_limits limits = {.depth = BODY_DEPTH_MAX, .values = BODY_VALUES_MAX};
    const struct catalog *catalog = fields->service->catalog;
    const struct catalog_type *rule = catalog_find(catalog, GENERATION_RULE, pair->rule_type);
    const struct translate_request request = {
        .catalog = catalog, .body = pair->event_body, .only_type = pair->rule_type, .arrived_ms = -1};
    struct arena *arena = arena_new(0);
    struct translations written;
    struct err_detail detail;
    struct json *theirs, *ours;
    struct leaf leaves[LEAF_MAX];
    const struct translation *translation = NULL;
    if (rule != NULL && rule->body != NULL && translate(&request, arena, &written, &detail) == ERR_NONE)
        translation = written_for(&written, pair->item);
    struct field_type *type = translation == NULL ? NULL : find_type(fields, pair->rule_type);
    if (type != NULL && json_parse(arena, pair->rule_body, &limits, &theirs, NULL) == ERR_NONE &&
        json_parse(arena, translation->body, &limits, &ours, NULL) == ERR_NONE) {
        size_t count = compare_bodies(catalog, rule->body, theirs, ours, arena, leaves);
        type->pairs++;
        for (size_t i = 0; i < count; i++)
            note_leaf(type, &leaves[i], pair);
    }
    arena_free(arena);
}

/* ---- reading back ---- */

static enum err run_pairs(struct ledger *ledger, struct store_job *job) {
    struct fields *fields = CONTAINER_OF(job, struct fields, job);
    size_t looked_at = fields->wanted * LOOKED_AT_PER_PAIR, older = 0;
    arena_reset(fields->arena);
    fields->pairs = ARENA_ARRAY(fields->arena, fields->wanted, struct twin_pair);
    fields->pair_count = 0;
    fields->next_before = fields->before;
    enum err err = ledger_pairs_after(ledger, fields->arena, fields->after, looked_at, fields->pairs, fields->wanted,
                                      &fields->pair_count, &fields->next_after);
    if (err == ERR_NONE && fields->pair_count < fields->wanted && fields->before > 1)
        err = ledger_pairs_before(ledger, fields->arena, fields->before, looked_at, fields->pairs + fields->pair_count,
                                  fields->wanted - fields->pair_count, &older, &fields->next_before);
    fields->pair_count += older;
    return err;
}

static void on_pairs(struct store_job *job) {
    struct fields *fields = CONTAINER_OF(job, struct fields, job);
    fields->is_busy = false;
    if (job->err == ERR_NONE) {
        for (size_t i = 0; i < fields->pair_count; i++)
            fields_note(fields, &fields->pairs[i]);
        fields->after = fields->next_after;
        fields->before = fields->next_before;
    }
    arena_free(fields->arena);
    fields->arena = NULL;
    loop_timer_set(fields->timer, EVERY_MS);
}

static void compare_some(void *arg) {
    struct fields *fields = arg;
    int64_t wanted = fields->service->settings->parity_compare;
    if (fields->is_busy || atomic_load(&fields->service->stopping))
        return;
    uint64_t newest = (uint64_t)(clock_wall_ms() - 2 * EVERY_MS) << 20;
    if (fields->after < newest)
        fields->after = newest;
    fields->is_busy = true;
    fields->wanted = wanted > PAIRS_MAX ? PAIRS_MAX : (size_t)wanted;
    fields->arena = arena_new(64 * 1024);
    fields->job.run = run_pairs;
    fields->job.done = on_pairs;
    store_submit(fields->service->store, &fields->job);
}
