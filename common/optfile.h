/* Settings from a table: one array of `struct opt` says what there is, and drives reading, ranges, defaults and the
 * reference. Knows nothing of what the settings are for.
 *
 * Values come from a JSON file (with comments), from environment variables, and from assignments KEY=VALUE; what is
 * read later overrides what was read before. Nothing stops at a mistake: each becomes one entry of a list, with file,
 * line and key, so that a person mends all of them in one go. Everything lives in the arena that was given; one
 * thread. */
#ifndef COMMON_OPTFILE_H
#define COMMON_OPTFILE_H

#include "common/arena.h"
#include "common/str.h"

enum opt_type {
    OPT_TEXT,      /* struct str; absent where there is none */
    OPT_BOOL,      /* bool */
    OPT_INT,       /* int64_t */
    OPT_DURATION,  /* int64_t, milliseconds: "250ms", "10s", "5m", "2h", "15d", "0" */
    OPT_SIZE,      /* size_t, bytes: "64KiB", "1MiB", "1GiB", "512" */
    OPT_CHOICE,    /* an enum of the width of int: the place in `choices` */
    OPT_LIST,      /* struct opt_list: a JSON array of strings, or text with commas */
    OPT_DURATIONS, /* struct opt_durations: likewise */
    OPT_OBJECT     /* struct opt_object: a JSON object of strings */
};

struct opt_list {
    const struct str *items;
    size_t count;
};
struct opt_durations {
    const int64_t *ms;
    size_t count;
};
struct opt_pair {
    struct str name, value;
};
struct opt_object {
    const struct opt_pair *pairs; /* in the order of the file, names unique */
    size_t count;
};

/* What is wrong with a text ("has no host"), with static lifetime; NULL where nothing is. */
typedef const char *opt_check(struct str text);

struct opt {
    const char *name; /* "store.body_retention": a dot is a nested object */
    enum opt_type type;
    size_t offset;              /* of the value in the structure that is filled */
    int64_t min, max;           /* OPT_INT, OPT_DURATION, OPT_SIZE, each of OPT_DURATIONS */
    const char *const *choices; /* ends in NULL; OPT_CHOICE, and the values of OPT_OBJECT where given */
    const char *initial;        /* the default as text; NULL: none, the value is absent, empty or 0 */
    const char *initial_shown;  /* what the reference says instead of it ("built in"); NULL: the default itself */
    const char *meaning;        /* one line for the reference */
    bool is_secret;             /* the value is never shown, and never empty by accident (an unset variable) */
    bool is_required;
    opt_check *check;      /* of OPT_TEXT, each of OPT_LIST, each value of OPT_OBJECT; NULL: none */
    opt_check *check_name; /* of each name of OPT_OBJECT; NULL: none */
};

struct opt_table {
    const struct opt *opts;
    size_t count;
    /* A setting whose name is also the front of others ("listen" and "listen.tls.cert") has its own value under this
     * key where the file writes it as an object: {"listen": {"address": ..., "tls": {...}}}. */
    const char *own_key;
    const char *env_prefix;              /* "HOOKSHIFT_" */
    const char *const *env_not_settings; /* patterns (fnmatch) of variables with the prefix that mean something else;
                                            ends in NULL; may be NULL */
};

/* A mistake. Texts are absent where there is nothing to say. */
struct opt_problem {
    struct str place; /* name of the file, "environment", "--set" */
    uint32_t line;    /* in the file; 0: none */
    struct str key;   /* the setting, or what stands in its place */
    struct str what;  /* "is 70000, more than 65535" */
    struct str right; /* "a number from 0 to 65535" */
    struct str nearest;
    const struct opt_problem *next;
};

struct optfile;

/* Fills `values` with the defaults. The table must outlive what is returned; a default that its own row refuses is a
 * bug and aborts. */
struct optfile *optfile_new(struct arena *arena, const struct opt_table *table, void *values);

void optfile_read_file(struct optfile *optfile, const char *path);
void optfile_read_json(struct optfile *optfile, const char *name, struct str text);   /* a file already read */
void optfile_read_environment(struct optfile *optfile, const char *const *variables); /* like environ */
void optfile_read_assignment(struct optfile *optfile, struct str assignment);         /* "log.level=debug" */
void optfile_check_required(struct optfile *optfile);                                 /* after all reading */

/* Was the setting given, whatever its value? */
bool optfile_is_given(const struct optfile *optfile, const char *name);

/* For checks across settings: a mistake at the place where the setting `name` was given. */
void optfile_complain(struct optfile *optfile, const char *name, const char *right, const char *what, ...)
    PRINTF_LIKE(4, 5);

const struct opt_problem *optfile_problems(const struct optfile *optfile); /* in the order found; NULL: none */

/* "hookshift.json:12: log.levl: is no setting; did you mean "log.level"?" */
void opt_problem_print(struct strbuf *out, const struct opt_problem *problem);

const struct opt *opt_find(const struct opt_table *table, struct str name); /* NULL: none */
struct str opt_variable(struct arena *arena, const struct opt_table *table, const struct opt *opt);

#endif
