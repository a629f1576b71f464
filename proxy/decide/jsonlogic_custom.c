/* flagd's own operators (flagd.dev, custom operations). On bad input each gives null and never false, so that a rule
 * that consists of one falls back to the default variant instead of taking a side.
 *
 * fractional: the weights cut a line into pieces, and the key's hash says where on the line it falls. 32 bits of hash
 * times up to 31 bits of weight fit in 64, so the place is exact:
 *
 *     weights   10       30              60        total 100
 *             ├────┼───────────┼────────────────────────────┤
 *                       ▲ (hash * 100) >> 32
 */
#include "proxy/decide/logic_coerce.h"
#include "proxy/decide/logic_rule.h"
#include "proxy/decide/murmur3.h"
#include "proxy/decide/semver.h"

#include <math.h>

static bool two_strings(const struct logic_call *call) {
    return call->count == 2 && call->args[0].type == LOGIC_STRING && call->args[1].type == LOGIC_STRING;
}

/* Does the first text begin, or end, with the second? */
static enum err op_starts_with(const struct logic_call *call, struct logic_value *result) {
    *result = logic_null();
    if (!two_strings(call))
        return ERR_NONE;
    struct logic_value part = call->args[0];
    size_t len = call->args[1].string.len;
    part.string.len = part.string.len < len ? part.string.len : len;
    *result = logic_bool(logic_same_text(&part, &call->args[1]));
    return ERR_NONE;
}

static enum err op_ends_with(const struct logic_call *call, struct logic_value *result) {
    *result = logic_null();
    if (!two_strings(call))
        return ERR_NONE;
    struct logic_value part = call->args[0];
    size_t len = call->args[1].string.len;
    if (part.string.len > len)
        part.string = str_from(part.string, part.string.len - len);
    *result = logic_bool(logic_same_text(&part, &call->args[1]));
    return ERR_NONE;
}

enum version_test { SAME, OTHER, LESS, AT_MOST, GREATER, AT_LEAST, SAME_MINOR, SAME_MAJOR };

static bool version_test_parse(const struct logic_value *name, enum version_test *test) {
    static const struct str names[] = {STR("="), STR("!="), STR("<"), STR("<="),
                                       STR(">"), STR(">="), STR("~"), STR("^")};
    for (size_t i = 0; i < ARRAY_LEN(names) && name->type == LOGIC_STRING; i++) {
        if (str_eq(names[i], name->string)) {
            *test = (enum version_test)i;
            return true;
        }
    }
    return false;
}

static bool version_holds(const struct semver *a, enum version_test test, const struct semver *b) {
    int order = semver_compare(a, b);
    switch (test) {
    case SAME:
        return order == 0;
    case OTHER:
        return order != 0;
    case LESS:
        return order < 0;
    case AT_MOST:
        return order <= 0;
    case GREATER:
        return order > 0;
    case AT_LEAST:
        return order >= 0;
    case SAME_MINOR:
        return semver_same(a, b, 2);
    case SAME_MAJOR:
        break;
    }
    return semver_same(a, b, 1);
}

/* A version may be given as a number: 1.2 is "1.2". `*ok` is false where it is neither that nor a text. */
static enum err read_version(const struct logic_call *call, uint32_t index, struct semver *version, bool *ok) {
    struct logic_value value = call->args[index];
    struct str text;
    *ok = false;
    if (value.type != LOGIC_STRING && value.type != LOGIC_NUMBER)
        return ERR_NONE;
    enum err err = logic_to_string(call->work, value, &text);
    if (err == ERR_NONE)
        *ok = semver_parse(text, version);
    return err;
}

/* {"sem_ver": [version, "=" "!=" "<" "<=" ">" ">=" "~" or "^", version]} */
static enum err op_sem_ver(const struct logic_call *call, struct logic_value *result) {
    struct semver a, b;
    enum version_test test;
    bool ok;
    *result = logic_null();
    if (call->count != 3 || !version_test_parse(&call->args[1], &test))
        return ERR_NONE;
    enum err err = read_version(call, 0, &a, &ok);
    if (err == ERR_NONE && ok)
        err = read_version(call, 2, &b, &ok);
    if (err == ERR_NONE && ok)
        *result = logic_bool(version_holds(&a, test, &b));
    return err;
}

/* [variant, weight]: the weight is 1 where it is missing or null, and 0 where it is negative. False: malformed. */
static bool bucket_weight(const struct logic_value *bucket, uint64_t *weight) {
    const struct logic_value *variant = &bucket->items[0];
    if (variant->type == LOGIC_ARRAY || variant->type == LOGIC_OBJECT)
        return false;
    *weight = 1;
    if (bucket->count < 2 || bucket->items[1].type == LOGIC_NULL || bucket->items[1].type == LOGIC_UNDEFINED)
        return true;
    double number = bucket->items[1].number;
    if (bucket->items[1].type != LOGIC_NUMBER || !isfinite(number) || number != trunc(number) || number > INT32_MAX)
        return false;
    *weight = number < 0 ? 0 : (uint64_t)number;
    return true;
}

/* The sum of all weights; 0 where the buckets are malformed, weigh nothing or more than 2^31 - 1. */
static enum err total_weight(const struct logic_call *call, struct logic_value *buckets, uint32_t count,
                             uint64_t *total) {
    uint64_t weight, sum = 0;
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (buckets[i].type != LOGIC_ARRAY || buckets[i].count == 0)
            return ERR_NONE;
        enum err err = logic_items(call->work, &buckets[i]);
        if (err != ERR_NONE)
            return err;
        if (!bucket_weight(&buckets[i], &weight))
            return ERR_NONE;
        sum += weight;
    }
    *total = sum <= INT32_MAX ? sum : 0;
    return ERR_NONE;
}

/* The buckets are well-formed, and `place` is less than their total weight. */
static struct logic_value pick_bucket(const struct logic_value *buckets, uint64_t place) {
    uint64_t end = 0, weight = 0;
    for (const struct logic_value *bucket = buckets;; bucket++) {
        (void)bucket_weight(bucket, &weight);
        end += weight;
        if (place < end)
            return bucket->items[0];
    }
}

/* {"fractional": [bucketing value, [variant, weight], ...]}; without a bucketing value, or with null, the key of the
 * flag followed by the targeting key is hashed; null where that key is absent or empty (flagd issue 1948). */
static enum err op_fractional(const struct logic_call *call, struct logic_value *result) {
    bool has_seed = call->count > 0 && call->args[0].type != LOGIC_ARRAY;
    bool is_text = has_seed && call->args[0].type == LOGIC_STRING;
    uint32_t skip = has_seed ? 1 : 0, count = call->count - skip;
    uint64_t total;
    void *block;
    *result = logic_null();
    if (has_seed && !is_text && call->args[0].type != LOGIC_NULL && call->args[0].type != LOGIC_UNDEFINED)
        return ERR_NONE;
    if (count == 0 || (!is_text && call->context->targeting_key.len == 0))
        return ERR_NONE;
    enum err err = logic_work_alloc(call->work, count * sizeof(struct logic_value), &block);
    if (err != ERR_NONE)
        return err;
    struct logic_value *buckets = block; /* a copy: reading their items changes them */
    memcpy(buckets, call->args + skip, count * sizeof *buckets);
    err = total_weight(call, buckets, count, &total);
    if (err != ERR_NONE || total == 0)
        return err;
    uint32_t hash = is_text ? murmur3_32(call->args[0].string, 0)
                            : murmur3_32_pair(call->context->flag_key, call->context->targeting_key, 0);
    *result = pick_bucket(buckets, ((uint64_t)hash * total) >> 32);
    return ERR_NONE;
}

logic_eager *logic_custom_find(struct str name) {
    static const struct {
        struct str name;
        logic_eager *op;
    } ops[] = {
        {STR("starts_with"), op_starts_with},
        {STR("ends_with"), op_ends_with},
        {STR("sem_ver"), op_sem_ver},
        {STR("fractional"), op_fractional},
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_eq(ops[i].name, name))
            return ops[i].op;
    return NULL;
}
