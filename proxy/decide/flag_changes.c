/* Which flags differ between two sets. A flag is what is written under its key and, because a rule that another rule
 * refers to decides too, the evaluators that it leads to. Layout, comments and the order of flags are no change. */
#include "proxy/decide/flag_set.h"

#include <stdlib.h>

/* Notes that evaluators are referred to, and those that they refer to in turn. */
static void mark_references(const struct flags *flags, const struct json *json, bool *marks) {
    if (json->type == JSON_OBJECT && json->count == 1 && str_eq(json->first->key, STR("$ref"))) {
        struct flag_evaluator *evaluator = flag_evaluator_find(flags, json_string(json->first));
        size_t index = evaluator == NULL ? 0 : (size_t)(evaluator - flags->evaluators);
        if (evaluator != NULL && !marks[index]) {
            marks[index] = true;
            mark_references(flags, evaluator->json, marks);
        }
    }
    if (json->type == JSON_OBJECT || json->type == JSON_ARRAY)
        for (const struct json *child = json->first; child != NULL; child = child->next)
            mark_references(flags, child, marks);
}

static void write_flag(struct json_writer *writer, const struct json *json) {
    if (json->type != JSON_OBJECT) {
        json_value(writer, json);
        return;
    }
    json_object_begin(writer);
    for (const struct json *member = json->first; member != NULL; member = member->next) {
        if (str_eq(member->key, STR("key"))) /* only says where in an array the flag stands */
            continue;
        json_key_str(writer, member->key);
        json_value(writer, member);
    }
    json_object_end(writer);
}

static void write_evaluators(struct json_writer *writer, const struct flags *flags, const bool *marks) {
    json_object_begin(writer);
    for (size_t i = 0; i < flags->evaluator_count; i++) {
        if (!marks[i])
            continue;
        json_key_str(writer, flags->evaluators[i].key);
        json_value(writer, flags->evaluators[i].json);
    }
    json_object_end(writer);
}

/* One of the two sets, and room to mark its evaluators. */
struct teller {
    const struct flags *flags;
    bool *marks;
};

static bool mark_evaluators(const struct teller *teller, const struct flag *flag) {
    bool any = false;
    if (flag->targeting == NULL || flag->is_broken || teller->flags->evaluator_count == 0)
        return false;
    memset(teller->marks, 0, teller->flags->evaluator_count * sizeof *teller->marks);
    mark_references(teller->flags, flag->targeting, teller->marks);
    for (size_t i = 0; i < teller->flags->evaluator_count; i++)
        any = any || teller->marks[i];
    return any;
}

/* "{...}", followed by ` with {"name":{...}}` where it leads to evaluators; absent where there is no flag. */
static struct str flag_text(const struct teller *teller, const struct flag *flag, struct arena *arena) {
    if (flag == NULL)
        return STR_NONE;
    struct strbuf out = {0};
    struct json_writer writer;
    json_begin(&writer, &out);
    write_flag(&writer, flag->json);
    if (mark_evaluators(teller, flag)) {
        strbuf_append(&out, STR(" with "));
        json_begin(&writer, &out);
        write_evaluators(&writer, teller->flags, teller->marks);
    }
    struct str text = arena_str(arena, strbuf_str(&out));
    strbuf_clear(&out);
    return text;
}

static bool is_same(struct str a, struct str b) {
    if (a.at == NULL || b.at == NULL)
        return a.at == b.at;
    return str_eq(a, b);
}

size_t flags_changes(const struct flags *before, const struct flags *after, struct arena *arena,
                     const struct flag_change **changes) {
    size_t old_count = before == NULL ? 0 : before->count, count = 0, i = 0, j = 0;
    struct flag_change *found = ARENA_ARRAY(arena, old_count + after->count + 1, struct flag_change);
    struct teller old_teller = {before, ARENA_ARRAY(arena, before == NULL ? 1 : before->evaluator_count + 1, bool)};
    struct teller new_teller = {after, ARENA_ARRAY(arena, after->evaluator_count + 1, bool)};
    while (i < old_count || j < after->count) {
        int order = i == old_count ? 1 : -1;
        if (i < old_count && j < after->count)
            order = str_compare(before->flags[i].key, after->flags[j].key);
        struct str key = order <= 0 ? before->flags[i].key : after->flags[j].key;
        const struct flag *old = order <= 0 ? &before->flags[i++] : NULL;
        const struct flag *new = order >= 0 ? &after->flags[j++] : NULL;
        struct flag_change change = {.before = flag_text(&old_teller, old, arena),
                                     .after = flag_text(&new_teller, new, arena)};
        if (is_same(change.before, change.after))
            continue;
        change.key = arena_str(arena, key); /* outlives both sets */
        found[count++] = change;
    }
    *changes = found;
    return count;
}
