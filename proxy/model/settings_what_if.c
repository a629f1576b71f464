/* The values are read by the table of all settings, so that ranges and words are the same, and then taken one by one.
 */
#include "proxy/model/settings_what_if.h"

static const char *const decisive[] = {"pairing.window", "pairing.hold",           "pairing.park_for",
                                       "pairing.prefer", "pairing.prefer_by_type", "pairing.partial"};

static bool is_decisive(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(decisive); i++)
        if (str_eq(str_of(decisive[i]), name))
            return true;
    return false;
}

static enum err check_name(struct str line, struct err_detail *detail) {
    ptrdiff_t equals = str_find(line, STR("="));
    struct str name = str_slice(line.at, equals < 0 ? line.len : (size_t)equals);
    struct strbuf known = {0};
    if (equals > 0 && is_decisive(name))
        return ERR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(decisive); i++)
        strbuf_printf(&known, "%s%s", i > 0 ? ", " : "", decisive[i]);
    (void)err_set(detail, ERR_INVALID, "\"" STR_FMT "\" is not among the settings that can be tried: KEY=VALUE of %s",
                  STR_ARG(line), known.at);
    strbuf_clear(&known);
    return ERR_INVALID;
}

static void take(const struct optfile *file, const struct settings *read, struct settings *settings) {
    if (optfile_is_given(file, "pairing.window"))
        settings->pairing_window_ms = read->pairing_window_ms;
    if (optfile_is_given(file, "pairing.hold"))
        settings->pairing_hold_ms = read->pairing_hold_ms;
    if (optfile_is_given(file, "pairing.park_for"))
        settings->pairing_park_for_ms = read->pairing_park_for_ms;
    if (optfile_is_given(file, "pairing.prefer"))
        settings->pairing_prefer = read->pairing_prefer;
    if (optfile_is_given(file, "pairing.prefer_by_type"))
        settings->pairing_prefer_by_type = read->pairing_prefer_by_type;
    if (optfile_is_given(file, "pairing.partial"))
        settings->pairing_partial = read->pairing_partial;
}

enum err settings_what_if(struct arena *arena, const struct settings *base, struct str assignments,
                          struct settings *settings, struct err_detail *detail) {
    struct settings read;
    struct optfile *file = optfile_new(arena, settings_table(), &read);
    struct str rest = assignments, line;
    while (assignments.len > 0 && str_next(&rest, '\n', &line)) {
        enum err err = check_name(line, detail);
        if (err != ERR_NONE)
            return err;
        optfile_read_assignment(file, arena_str(arena, line));
    }
    const struct opt_problem *problem = optfile_problems(file);
    if (problem != NULL) {
        struct strbuf text = {0};
        opt_problem_print(&text, problem);
        (void)err_set(detail, ERR_INVALID, "%s", text.at);
        strbuf_clear(&text);
        return ERR_INVALID;
    }
    *settings = *base;
    take(file, &read, settings);
    return ERR_NONE;
}
