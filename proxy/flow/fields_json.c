/* Field parity as the API tells it: per rule type and member, in how many pairs the event told the same as the rule. */
#include "proxy/flow/fields.h"

static void write_examples(struct json_writer *json, struct arena *arena, const struct field *field) {
    json_key(json, "examples");
    json_array_begin(json);
    for (size_t i = 0; i < FIELD_EXAMPLES && field->examples[i].rule != 0; i++) {
        json_object_begin(json);
        json_key(json, "rule");
        json_str(json, message_id_format(arena, field->examples[i].rule));
        json_key(json, "event");
        json_str(json, message_id_format(arena, field->examples[i].event));
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_field(struct json_writer *json, struct arena *arena, const struct settings *settings,
                        const struct field_type *type, const struct field *field) {
    uint64_t compared = field_compared(field);
    json_object_begin(json);
    json_key(json, "member");
    json_str(json, str_of(field->member));
    json_key(json, "compared");
    json_int(json, (int64_t)compared);
    for (int result = 0; result < LEAF_RESULT_COUNT; result++) {
        json_key(json, leaf_result_name((enum leaf_result)result));
        json_int(json, (int64_t)field->counts[result]);
    }
    if (compared > 0) {
        json_key(json, "share_equal");
        json_double(json, (double)field->counts[LEAF_EQUAL] / (double)compared);
    }
    json_key(json, "ignored");
    json_bool(json, field_is_ignored(settings, str_of(type->name), str_of(field->member)));
    json_key(json, "is_reason");
    struct field_evidence evidence = fields_evidence(type, field);
    json_bool(json, field_is_reason(settings, &evidence));
    write_examples(json, arena, field);
    json_object_end(json);
}

void fields_write(struct json_writer *json, struct arena *arena, const struct fields *fields,
                  const struct settings *settings) {
    json_array_begin(json);
    for (size_t i = 0; fields != NULL && i < fields_type_count(fields); i++) {
        const struct field_type *type = fields_type_at(fields, i);
        json_object_begin(json);
        json_key(json, "type");
        json_str(json, str_of(type->name));
        json_key(json, "pairs");
        json_int(json, (int64_t)type->pairs);
        json_key(json, "fields");
        json_array_begin(json);
        for (size_t k = 0; k < type->count; k++)
            write_field(json, arena, settings, type, &type->fields[k]);
        json_array_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}
