/* What a process was started with stays readable as long as it runs: to `ps`, in /proc, in a core file. Its secrets are
 * overwritten in the place where the kernel put them, once they have been read. */
#include "common/mem.h"
#include "common/optfile.h"

static void overwrite(struct str text) {
    mem_wipe((char *)(uintptr_t)text.at, text.len); /* the caller says that it may be written to */
}

void opt_forget_assignment(const struct opt_table *table, struct str assignment) {
    struct str value = assignment, key;
    const struct opt *opt = str_next(&value, '=', &key) ? opt_find(table, key) : NULL;
    if (value.at != NULL &&
        (opt == NULL || opt->is_secret)) /* an unknown one may be a secret with a slip in its name */
        overwrite(value);
}

void opt_forget_environment(const struct opt_table *table, const char *const *variables) {
    struct arena *arena = arena_new(0);
    for (const struct opt *opt = table->opts; opt < table->opts + table->count; opt++) {
        if (!opt->is_secret)
            continue;
        struct str name = opt_variable(arena, table, opt);
        for (const char *const *variable = variables; *variable != NULL; variable++) {
            struct str text = str_of(*variable);
            if (str_starts_with(text, name) && text.len > name.len && text.at[name.len] == '=')
                overwrite(str_from(text, name.len + 1));
        }
    }
    arena_free(arena);
}

static struct opt_list copy_list(struct arena *arena, const struct opt_list *list) {
    struct str *items = ARENA_ARRAY(arena, list->count, struct str);
    for (size_t i = 0; i < list->count; i++)
        items[i] = arena_str(arena, list->items[i]);
    return (struct opt_list){items, list->count};
}

static struct opt_object copy_object(struct arena *arena, const struct opt_object *object) {
    struct opt_pair *pairs = ARENA_ARRAY(arena, object->count, struct opt_pair);
    for (size_t i = 0; i < object->count; i++)
        pairs[i] = (struct opt_pair){arena_str(arena, object->pairs[i].name), arena_str(arena, object->pairs[i].value)};
    return (struct opt_object){pairs, object->count};
}

void opt_values_move(struct arena *arena, const struct opt_table *table, void *values) {
    for (const struct opt *opt = table->opts; opt < table->opts + table->count; opt++) {
        void *value = (char *)values + opt->offset;
        struct opt_durations *durations = value;
        switch (opt->type) {
        case OPT_TEXT:
            *(struct str *)value = arena_str(arena, *(struct str *)value);
            break;
        case OPT_LIST:
            *(struct opt_list *)value = copy_list(arena, value);
            break;
        case OPT_OBJECT:
            *(struct opt_object *)value = copy_object(arena, value);
            break;
        case OPT_DURATIONS:
            durations->ms = arena_copy(arena, durations->ms, durations->count * sizeof *durations->ms);
            break;
        case OPT_BOOL:
        case OPT_INT:
        case OPT_DURATION:
        case OPT_SIZE:
        case OPT_CHOICE:
            break; /* hold nothing */
        }
    }
}
