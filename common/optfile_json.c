/* Walks the objects of a settings file. A name is the keys on the way joined by dots, so that {"admin": {"listen": 1}}
 * and {"admin.listen": 1} are the same, and giving both is giving it twice. */
#include "common/optfile_internal.h"

#include "common/nearest.h"

enum { DEPTH_MAX = 16, VALUES_MAX = 20000 };

struct walk {
    struct optfile *optfile;
    struct str place, text;
};

static uint32_t line_of(const struct walk *walk, uint32_t offset) {
    uint32_t line, column;
    json_place(walk->text, offset, &line, &column);
    return line;
}

static struct opt_problem *problem_at(const struct walk *walk, uint32_t offset, struct str key) {
    return optfile_add_problem(walk->optfile, walk->place, line_of(walk, offset), key);
}

/* Does `name` stand in front of other names? `below` gets the next key of the first. */
static bool is_group(const struct opt_table *table, struct str name, struct str *below) {
    for (size_t i = 0; i < table->count; i++) {
        struct str rest = str_from(str_of(table->opts[i].name), name.len);
        if (str_starts_with(str_of(table->opts[i].name), name) && rest.len > 0 && rest.at[0] == '.') {
            rest = str_from(rest, 1);
            return str_next(&rest, '.', below);
        }
    }
    return false;
}

static void give(const struct walk *walk, const struct opt *opt, struct str name, const struct json *value) {
    struct optfile *optfile = walk->optfile;
    struct opt_origin *origin = &optfile->origins[optfile_index(optfile, opt)];
    if (origin->is_given && str_eq(origin->place, walk->place)) {
        struct opt_problem *problem = problem_at(walk, value->key_start, name);
        problem->what = arena_printf(optfile->arena, "is given a second time, first in line %u", origin->line);
        return;
    }
    *origin = (struct opt_origin){walk->place, str_of(opt->name), line_of(walk, value->key_start), true};
    struct opt_fault fault = {0};
    if (opt_value_from_json(optfile->arena, opt, value, optfile->values, &fault))
        return;
    const struct json *wrong = fault.at != NULL ? fault.at : value;
    struct opt_problem *problem = problem_at(walk, wrong->key.at != NULL ? wrong->key_start : wrong->start, name);
    problem->what = fault.what;
    problem->right = fault.right;
}

/* Offers every name and everything that stands in front of a dot in one. */
static void complain_of_name(const struct walk *walk, const struct json *member, struct str name) {
    struct opt_problem *problem = problem_at(walk, member->key_start, name);
    const struct opt_table *table = walk->optfile->table;
    struct nearest nearest;
    nearest_begin(&nearest, problem->key);
    for (size_t i = 0; i < table->count; i++) {
        struct str whole = str_of(table->opts[i].name);
        for (size_t len = 1; len <= whole.len; len++)
            if (len == whole.len || whole.at[len] == '.')
                nearest_offer(&nearest, str_slice(whole.at, len));
    }
    problem->what = STR("is no setting");
    problem->nearest = nearest.best;
}

/* Repeated keys of groups; those of settings are told by give(). */
static const struct json *find_earlier(const struct json *object, const struct json *member) {
    for (const struct json *earlier = object->first; earlier != member; earlier = earlier->next)
        if (str_eq(earlier->key, member->key))
            return earlier;
    return NULL;
}

static void walk_object(const struct walk *walk, const struct json *object, struct str prefix, const struct opt *owner);

static void walk_member(const struct walk *walk, const struct json *member, struct str name) {
    const struct opt_table *table = walk->optfile->table;
    const struct opt *opt = opt_find(table, name);
    struct str below;
    bool has_below = is_group(table, name, &below);
    if (has_below && member->type == JSON_OBJECT) {
        walk_object(walk, member, name, opt);
    } else if (opt != NULL) {
        give(walk, opt, name, member);
    } else if (has_below) {
        struct opt_problem *problem = problem_at(walk, member->key_start, name);
        problem->what = STR("is a group of settings, and has a value here");
        problem->right =
            arena_printf(walk->optfile->arena, "an object, such as {\"" STR_FMT "\": ...}", STR_ARG(below));
    } else {
        complain_of_name(walk, member, name);
    }
}

/* `owner`: the setting that has the name of the object itself; NULL: none. */
static void walk_object(const struct walk *walk, const struct json *object, struct str prefix,
                        const struct opt *owner) {
    struct arena *arena = walk->optfile->arena;
    for (const struct json *member = object->first; member != NULL; member = member->next) {
        struct str name = prefix.len == 0
                              ? member->key
                              : arena_printf(arena, STR_FMT "." STR_FMT, STR_ARG(prefix), STR_ARG(member->key));
        const struct json *earlier = find_earlier(object, member);
        if (earlier != NULL) {
            struct opt_problem *problem = problem_at(walk, member->key_start, name);
            problem->what =
                arena_printf(arena, "is given a second time, first in line %u", line_of(walk, earlier->key_start));
        } else if (owner != NULL && str_eq(member->key, str_of(walk->optfile->table->own_key))) {
            give(walk, owner, name, member);
        } else {
            walk_member(walk, member, name);
        }
    }
}

void optfile_read_json(struct optfile *optfile, const char *name, struct str text) {
    static const struct json_limits limits = {.depth = DEPTH_MAX, .values = VALUES_MAX, .comments = true};
    struct walk walk = {optfile, arena_str(optfile->arena, str_of(name)), text};
    struct json *root;
    struct json_error error;
    optfile->file = walk.place;
    if (json_parse(optfile->arena, text, &limits, &root, &error) != ERR_NONE) {
        optfile->file_is_unreadable = true;
        struct opt_problem *problem = optfile_add_problem(optfile, walk.place, error.line, STR_NONE);
        problem->what = arena_printf(optfile->arena, "column %u: %s", error.column, error.what);
    } else if (root->type != JSON_OBJECT) {
        optfile->file_is_unreadable = true;
        struct opt_problem *problem = problem_at(&walk, root->start, STR_NONE);
        problem->what = STR("is no object");
        problem->right = STR("{\"key\": value, ...}");
    } else {
        walk_object(&walk, root, STR_NONE, NULL);
    }
}
