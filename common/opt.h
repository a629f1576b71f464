/* The table that settings are described by: one `struct opt` for each says what it is called, what it may be, and what
 * it means. Knows nothing of what the settings are for. Tables are constant. */
#ifndef COMMON_OPT_H
#define COMMON_OPT_H

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
    const char *env_prefix; /* "HOOKSHIFT_" */
    /* Variables with the prefix that mean something else: patterns (fnmatch) of NAME=VALUE; ends in NULL; NULL: none.
     */
    const char *const *env_not_settings;
};

const struct opt *opt_find(const struct opt_table *table, struct str name); /* NULL: none */
struct str opt_variable(struct arena *arena, const struct opt_table *table, const struct opt *opt);

/* A bound in the unit of the setting: 10000 as "10s", 65536 as "64KiB". */
void opt_amount_print(struct strbuf *out, const struct opt *opt, int64_t amount);

/* "a duration from 1s to 1d, such as 10s": what would be accepted. */
void opt_describe(struct strbuf *out, const struct opt *opt);

/* The reference: every setting with type, default and meaning. */
enum opt_format { OPT_FORMAT_TABLE, OPT_FORMAT_JSON, OPT_FORMAT_MARKDOWN };
void opt_reference(struct strbuf *out, const struct opt_table *table, enum opt_format format);

/* A JSON Schema (draft 2020-12) of the file that gives the settings. */
void opt_schema(struct strbuf *out, const struct opt_table *table, const char *title);

#endif
