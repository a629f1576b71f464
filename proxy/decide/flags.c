/* From a flag and a context to an outcome (flagd.dev, in-process providers):
 *
 *     no such flag ─► ERROR FLAG_NOT_FOUND          broken ─► ERROR PARSE_ERROR
 *     DISABLED ─► the caller's default              no targeting, or {} ─► STATIC
 *     targeting ─► null ─► DEFAULT, the default variant (the caller's default where there is none)
 *              └► a name ─► TARGETING_MATCH, or ERROR GENERAL where no variant has it
 *
 * The three flags of the proxy take a shorter way with the same outcome: no JSON is made of the message, and what
 * does not depend on it was decided when the set was loaded. */
#include "proxy/decide/flags.h"

#include "proxy/decide/flag_set.h"
#include "proxy/decide/logic_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *flag_reason_name(enum flag_reason reason) {
    static const char *const names[] = {"STATIC", "TARGETING_MATCH", "DEFAULT", "DISABLED", "ERROR"};
    return names[reason];
}

const char *flag_error_name(enum flag_error error) {
    static const char *const names[] = {"", "FLAG_NOT_FOUND", "PARSE_ERROR", "TYPE_MISMATCH", "GENERAL"};
    return names[error];
}

bool flag_type_parse(struct str name, enum flag_type *type) {
    static const struct str names[] = {STR("boolean"), STR("string"), STR("number"),
                                       STR("integer"), STR("float"),  STR("object")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(names[i], name)) {
            *type = (enum flag_type)(FLAG_TYPE_BOOLEAN + i);
            return true;
        }
    }
    return false;
}

struct str consumer_flag_key(enum consumer_flag flag) {
    static const struct str keys[] = {STR("legacy-consumer"), STR("new-consumer"), STR("new-consumer-shadow")};
    return keys[flag];
}

bool consumer_flag_unmigrated(enum consumer_flag flag) {
    return flag == FLAG_LEGACY_CONSUMER;
}

static int compare_flag(const void *key, const void *element) {
    return str_compare(*(const struct str *)key, ((const struct flag *)element)->key);
}

const struct flag *flag_find(const struct flags *flags, struct str key) {
    return flags->count == 0 ? NULL : bsearch(&key, flags->flags, flags->count, sizeof *flags->flags, compare_flag);
}

static struct flag_decision decide_error(enum flag_error error) {
    return (struct flag_decision){.reason = FLAG_REASON_ERROR, .error = error};
}

/* The variant that a rule's result names; absent for null, false for what cannot be a name. */
static bool result_name(const struct logic_value *result, struct arena *scratch, struct str *name) {
    char digits[LOGIC_NUMBER_TEXT_MAX];
    *name = STR_NONE;
    switch (result->type) {
    case LOGIC_UNDEFINED:
    case LOGIC_NULL:
        return true;
    case LOGIC_BOOL:
        *name = result->boolean ? STR("true") : STR("false");
        return true;
    case LOGIC_NUMBER:
        *name = arena_str(scratch, logic_number_text(result->number, digits));
        return true;
    case LOGIC_STRING:
        *name = result->string;
        return true;
    case LOGIC_ARRAY:
    case LOGIC_OBJECT:
        break;
    }
    return false;
}

struct flag_decision flag_decide(const struct flag *flag, const struct logic_value *result, struct arena *scratch) {
    struct flag_decision decision = {.reason = FLAG_REASON_STATIC, .variant = flag->default_variant};
    struct str name = STR_NONE;
    if (flag->is_disabled)
        return (struct flag_decision){.reason = FLAG_REASON_DISABLED};
    if (flag->is_broken)
        return decide_error(FLAG_ERROR_PARSE);
    if (result != NULL && !result_name(result, scratch, &name))
        return decide_error(FLAG_ERROR_GENERAL);
    if (name.at != NULL) {
        const struct json *variant = json_get(flag->variants, name);
        if (variant == NULL)
            return decide_error(FLAG_ERROR_GENERAL);
        decision.reason = FLAG_REASON_TARGETING_MATCH;
        decision.variant = variant->key;
    } else if (result != NULL || flag->default_variant.at == NULL) {
        decision.reason = FLAG_REASON_DEFAULT;
    }
    return decision;
}

static struct flag_decision decide_targeted(const struct flag *flag, const struct logic_context *context,
                                            struct arena *scratch) {
    struct logic_value result;
    enum err err = logic_apply(flag->rule, context, scratch, &result);
    if (err != ERR_NONE)
        return decide_error(err == ERR_LIMIT ? FLAG_ERROR_GENERAL : FLAG_ERROR_PARSE);
    return flag_decide(flag, &result, scratch);
}

/* $flagd in the context: two members of its own. */
struct flagd_properties {
    struct logic_object object;
    struct logic_field fields[2];
};

static struct logic_value flagd_properties_init(struct flagd_properties *properties, struct str key, int64_t now_s) {
    properties->fields[0] = (struct logic_field){STR("flagKey"), logic_string(key)};
    properties->fields[1] = (struct logic_field){STR("timestamp"), logic_number((double)now_s)};
    properties->object = (struct logic_object){.fields = properties->fields, .field_count = 2};
    return logic_object(&properties->object);
}

/* An id as it stands in facts: senders write one id in either case, and both of its messages must be decided alike. */
static struct str fold_id(struct str id, struct arena *scratch) {
    bool has_upper = false;
    for (size_t i = 0; i < id.len && !has_upper; i++)
        has_upper = id.at[i] >= 'A' && id.at[i] <= 'Z';
    if (!has_upper)
        return id;
    char *folded = arena_alloc(scratch, id.len);
    str_lower_into(folded, id);
    return str_slice(folded, id.len);
}

static struct flag_decision consumer_targeted(const struct flag *flag, const struct flag_context *context,
                                              int64_t now_s, struct arena *scratch) {
    struct flagd_properties properties;
    struct str targeting_key = context->targeting_key.at == NULL ? STR("") : fold_id(context->targeting_key, scratch);
    const struct {
        struct str key, text;
        bool is_id;
    } texts[] = {
        {STR("targetingKey"), targeting_key, true},
        {STR("generation"), context->generation, false},
        {STR("type"), context->type, false},
        {STR("companyId"), fold_id(context->company, scratch), true},
        {STR("connectionId"), fold_id(context->connection, scratch), true},
    };
    struct logic_field fields[ARRAY_LEN(texts) + 1];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].text.at != NULL)
            fields[count++] = (struct logic_field){texts[i].key, texts[i].is_id ? logic_id(texts[i].text)
                                                                                : logic_string(texts[i].text)};
    fields[count++] = (struct logic_field){STR("$flagd"), flagd_properties_init(&properties, flag->key, now_s)};
    const struct logic_object object = {.fields = fields, .field_count = count};
    const struct logic_context data = {logic_object(&object), flag->key, targeting_key};
    return decide_targeted(flag, &data, scratch);
}

struct flag_decision flag_consumer_decision(enum consumer_flag which, const struct flag *flag,
                                            struct flag_decision decision) {
    decision.on = consumer_flag_unmigrated(which);
    if (flag == NULL || decision.variant.at == NULL)
        return decision;
    const struct json *value = json_get(flag->variants, decision.variant); /* decided: so it is there */
    if (value->type != JSON_BOOL)
        return (struct flag_decision){decision.on, STR_NONE, FLAG_REASON_ERROR, FLAG_ERROR_TYPE_MISMATCH};
    decision.on = value->boolean;
    return decision;
}

struct flag_decision flags_consumer(const struct flags *flags, enum consumer_flag which,
                                    const struct flag_context *context, int64_t now_s, struct arena *scratch) {
    if (!flags->consumers[which].is_targeted)
        return flags->consumers[which].fixed;
    const struct flag *flag = flags->consumers[which].flag;
    return flag_consumer_decision(which, flag, consumer_targeted(flag, context, now_s, scratch));
}

bool flags_consumer_is_targeted(const struct flags *flags, enum consumer_flag flag) {
    return flags->consumers[flag].is_targeted;
}

static bool is_consumer_flag(struct str key) {
    for (int i = 0; i < CONSUMER_FLAG_COUNT; i++)
        if (str_eq(key, consumer_flag_key((enum consumer_flag)i)))
            return true;
    return false;
}

/* Of a flag of the proxy, ids are what they are for a message; to any other flag a text is a text. */
static struct flag_decision eval_targeted(const struct flag *flag, const struct json *context, int64_t now_s,
                                          struct arena *scratch) {
    static const struct str ids[] = {STR("targetingKey"), STR("companyId"), STR("connectionId")};
    struct flagd_properties properties;
    struct logic_field fields[1 + ARRAY_LEN(ids)] = {
        {STR("$flagd"), flagd_properties_init(&properties, flag->key, now_s)}};
    struct str targeting_key = json_string(json_get(context, STR("targetingKey")));
    size_t count = 1;
    for (size_t i = 0; i < ARRAY_LEN(ids) && is_consumer_flag(flag->key); i++) {
        struct str id = json_string(json_get(context, ids[i]));
        if (id.at != NULL)
            fields[count++] = (struct logic_field){ids[i], logic_id(fold_id(id, scratch))};
        if (id.at != NULL && i == 0)
            targeting_key = fold_id(id, scratch);
    }
    const struct logic_object object = {.fields = fields, .field_count = count, .base = context};
    const struct logic_context data = {
        .data = logic_object(&object),
        .flag_key = flag->key,
        .targeting_key = targeting_key,
    };
    return decide_targeted(flag, &data, scratch);
}

/* A whole number is handed out without a fraction, so that 10.0 is an integer to strict readers too. */
static bool as_integer(const struct json **value, struct arena *scratch) {
    double number;
    if ((*value)->type != JSON_NUMBER || !str_to_double((*value)->text, &number) || number != trunc(number))
        return false;
    if (str_find((*value)->text, STR(".")) >= 0 && fabs(number) < 9007199254740992.0) {
        struct json *copy = arena_copy(scratch, *value, sizeof **value);
        copy->text = arena_printf(scratch, "%.0f", number);
        *value = copy;
    }
    return true;
}

static bool has_type(const struct json **value, enum flag_type type, struct arena *scratch) {
    switch (type) {
    case FLAG_TYPE_ANY:
        return true;
    case FLAG_TYPE_BOOLEAN:
        return (*value)->type == JSON_BOOL;
    case FLAG_TYPE_STRING:
        return (*value)->type == JSON_STRING;
    case FLAG_TYPE_NUMBER:
    case FLAG_TYPE_FLOAT:
        return (*value)->type == JSON_NUMBER;
    case FLAG_TYPE_INTEGER:
        return as_integer(value, scratch);
    case FLAG_TYPE_OBJECT:
        break;
    }
    return (*value)->type == JSON_OBJECT;
}

void flags_eval(const struct flags *flags, struct str key, const struct json *context, const struct json *fallback,
                enum flag_type type, int64_t now_s, struct arena *scratch, struct flag_outcome *outcome) {
    const struct flag *flag = flag_find(flags, key);
    struct flag_decision decision;
    if (flag == NULL)
        decision = decide_error(FLAG_ERROR_NOT_FOUND);
    else if (flag->rule == NULL || flag->is_disabled || flag->is_broken)
        decision = flag_decide(flag, NULL, scratch);
    else
        decision = eval_targeted(flag, context, now_s, scratch);
    *outcome = (struct flag_outcome){
        .value = fallback,
        .variant = decision.variant,
        .reason = decision.reason,
        .error = decision.error,
        .set_metadata = flags->metadata,
        .flag_metadata = flag == NULL ? NULL : flag->metadata,
    };
    if (decision.variant.at == NULL)
        return;
    const struct json *value = json_get(flag->variants, decision.variant);
    if (has_type(&value, type, scratch)) {
        outcome->value = value;
    } else {
        outcome->variant = STR_NONE;
        outcome->reason = FLAG_REASON_ERROR;
        outcome->error = FLAG_ERROR_TYPE_MISMATCH;
    }
}

static bool has_metadata(const struct json *metadata) {
    const struct json *member = metadata == NULL ? NULL : metadata->first;
    while (member != NULL && member->type == JSON_NULL)
        member = member->next;
    return member != NULL;
}

/* Members that say something, and are not said otherwise by `over` or by a later member of the same name. */
static void write_metadata(struct json_writer *writer, const struct json *metadata, const struct json *over) {
    for (const struct json *m = metadata == NULL ? NULL : metadata->first; m != NULL; m = m->next) {
        const struct json *other = json_get(over, m->key);
        if (m->type == JSON_NULL || (other != NULL && other->type != JSON_NULL) || json_get(metadata, m->key) != m)
            continue;
        json_key_str(writer, m->key);
        json_value(writer, m);
    }
}

void flags_outcome_write(const struct flag_outcome *outcome, struct json_writer *writer) {
    json_object_begin(writer);
    if (outcome->value != NULL) {
        json_key(writer, "value");
        json_value(writer, outcome->value);
    }
    if (outcome->variant.at != NULL) {
        json_key(writer, "variant");
        json_str(writer, outcome->variant);
    }
    json_key(writer, "reason");
    json_str(writer, str_of(flag_reason_name(outcome->reason)));
    if (outcome->error != FLAG_ERROR_NONE) {
        json_key(writer, "errorCode");
        json_str(writer, str_of(flag_error_name(outcome->error)));
    }
    if (has_metadata(outcome->set_metadata) || has_metadata(outcome->flag_metadata)) {
        json_key(writer, "metadata");
        json_object_begin(writer);
        write_metadata(writer, outcome->set_metadata, outcome->flag_metadata);
        write_metadata(writer, outcome->flag_metadata, NULL);
        json_object_end(writer);
    }
    json_object_end(writer);
}

size_t flags_count(const struct flags *flags) {
    return flags->count;
}

struct flag_view flags_at(const struct flags *flags, size_t index) {
    const struct flag *flag = &flags->flags[index];
    return (struct flag_view){
        .key = flag->key,
        .is_disabled = flag->is_disabled,
        .is_broken = flag->is_broken,
        .default_variant = flag->default_variant,
        .variants = flag->variants,
        .targeting = flag->targeting,
    };
}
