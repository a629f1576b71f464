/* A name without a dot and a slash is that of a catalogue which is built in; everything else is a file. */
#include "proxy/app/catalogue.h"

#include "common/file.h"
#include "common/nearest.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/translate_check.h"

enum { CATALOGUE_MAX = 4 * 1024 * 1024 };

static bool is_file(struct str name) {
    return str_find(name, STR("/")) >= 0 || str_find(name, STR(".")) >= 0 || str_eq(name, STR("-"));
}

static enum err read_built_in(struct str name, struct str *text, const char **file, struct strbuf *problems) {
    struct nearest nearest;
    struct strbuf names = {0};
    nearest_begin(&nearest, name);
    for (size_t i = 0; i < catalog_built_in_count(); i++) {
        const struct catalog_built_in one = catalog_built_in_at(i);
        if (name.len == 0 || str_eq_nocase(name, str_of(one.name))) {
            *text = one.text;
            *file = one.file;
            strbuf_clear(&names);
            return ERR_NONE;
        }
        nearest_offer(&nearest, str_of(one.name));
        strbuf_printf(&names, "%s%s", i > 0 ? ", " : "", one.name);
    }
    if (nearest.best.at != NULL)
        strbuf_printf(problems, "catalogue: there is none called \"" STR_FMT "\"; did you mean \"" STR_FMT "\"?\n",
                      STR_ARG(name), STR_ARG(nearest.best));
    else
        strbuf_printf(problems,
                      "catalogue: there is none called \"" STR_FMT "\"; expected one of %s, or a file (./NAME)\n",
                      STR_ARG(name), names.at);
    strbuf_clear(&names);
    return ERR_INVALID;
}

enum err catalogue_read(struct str name, struct arena *arena, struct str *text, const char **file,
                        struct strbuf *problems) {
    struct err_detail detail;
    if (name.len == 0 || !is_file(name))
        return read_built_in(name, text, file, problems);
    *file = str_eq(name, STR("-")) ? "standard input" : arena_str(arena, name).at;
    enum err err = file_read(arena, str_eq(name, STR("-")) ? "/dev/stdin" : *file, CATALOGUE_MAX, text, &detail);
    if (err != ERR_NONE)
        strbuf_printf(problems, "catalogue: cannot read " STR_FMT ": %s\n", STR_ARG(name), detail.text);
    return err;
}

static enum err open_by(struct str name, bool is_checked, struct catalog **catalog, struct strbuf *problems) {
    struct arena *arena = arena_new(0);
    struct str text;
    const char *file;
    enum err err = catalogue_read(name, arena, &text, &file, problems);
    if (err == ERR_NONE)
        err = is_checked ? catalog_load_checked(text, file, catalog, problems)
                         : catalog_load(text, file, catalog, problems);
    bool is_own = is_checked || (name.len > 0 && is_file(name));
    if (err == ERR_NONE && is_own && translate_check(*catalog, text, file, problems) > 0) {
        catalog_free(*catalog);
        *catalog = NULL;
        err = ERR_INVALID;
    }
    arena_free(arena);
    return err;
}

enum err catalogue_open(struct str name, struct catalog **catalog, struct strbuf *problems) {
    return open_by(name, false, catalog, problems);
}

enum err catalogue_open_checked(struct str name, struct catalog **catalog, struct strbuf *problems) {
    return open_by(name, true, catalog, problems);
}
