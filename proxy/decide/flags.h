/* Flags in flagd's flag definition format (flagd.dev, flag definitions): loaded into an immutable set, then evaluated.
 *
 * A set owns all it points to and may be read by any number of threads; whoever loaded it frees it, once nobody uses
 * it. What an evaluation returns points into the set, into its arguments and into the given arena. */
#ifndef PROXY_DECIDE_FLAGS_H
#define PROXY_DECIDE_FLAGS_H

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"

struct flags;

enum flag_reason {
    FLAG_REASON_STATIC,          /* no targeting: the default variant */
    FLAG_REASON_TARGETING_MATCH, /* targeting named a variant */
    FLAG_REASON_DEFAULT,         /* targeting gave null, or there is no default variant */
    FLAG_REASON_DISABLED,
    FLAG_REASON_ERROR
};
enum flag_error {
    FLAG_ERROR_NONE,
    FLAG_ERROR_NOT_FOUND,
    FLAG_ERROR_PARSE,         /* targeting cannot be understood or applied */
    FLAG_ERROR_TYPE_MISMATCH, /* the value is not of the type asked for */
    FLAG_ERROR_GENERAL        /* targeting named no variant, or costs too much */
};
const char *flag_reason_name(enum flag_reason reason); /* "STATIC", ... */
const char *flag_error_name(enum flag_error error);    /* "FLAG_NOT_FOUND", ...; "" for none */

/* What is wrong with a file, from bad to worse. */
enum flag_severity {
    FLAG_WARNING, /* flagd's schema forbids it, or it is dangerous; it works */
    FLAG_BROKEN,  /* this flag cannot be evaluated */
    FLAG_REFUSED  /* the file is not used */
};
struct flag_problem {
    enum flag_severity severity;
    uint32_t line, column; /* from 1; the column counts bytes. 0 where it is about no place */
    struct str flag;       /* key of the flag it is about, or absent */
    struct str what;
    struct flag_problem *next;
};
struct flag_problems {
    struct flag_problem *first, *last; /* in the order they were found */
    size_t count, left_off;            /* in the list, and found after it was full */
    enum flag_severity worst;          /* where there are any */
};

/* ERR_INVALID or ERR_LIMIT where the file is refused: it cannot be read as flags at all, a `defaultVariant` is not a
 * variant, or a `state` is unknown. The problems live in `arena`, and are complete in any case. */
enum err flags_load(struct str text, struct arena *arena, struct flags **flags,
                    struct flag_problems *problems) MUST_USE;
void flags_free(struct flags *flags); /* NULL is fine */

/* Adds one that is about no place, found by other means. The texts must live as long as the list. */
void flag_problems_add(struct flag_problems *problems, struct arena *arena, enum flag_severity severity,
                       struct str flag, struct str what);

/* The three flags that steer the proxy. One that is missing, disabled or fails takes the value of an unmigrated
 * system: legacy on, new off, shadow off. */
enum consumer_flag { FLAG_LEGACY_CONSUMER, FLAG_NEW_CONSUMER, FLAG_NEW_CONSUMER_SHADOW, CONSUMER_FLAG_COUNT };
struct str consumer_flag_key(enum consumer_flag flag); /* "legacy-consumer", ... */
bool consumer_flag_unmigrated(enum consumer_flag flag);

/* Evaluation context of a message: targetingKey, generation, type, companyId, connectionId. An absent text
 * is absent from the context, but for the targeting key, which is then empty. The ids (targetingKey, companyId,
 * connectionId) are in lower case there, as in facts, and are compared without regard to case, so that the flag file
 * may write them as the vendor's portal shows them. */
struct flag_context {
    struct str targeting_key, generation, type, company, connection;
};
struct flag_decision {
    bool on;
    struct str variant; /* absent where the flag decided nothing */
    enum flag_reason reason;
    enum flag_error error;
};
struct flag_decision flags_consumer(const struct flags *flags, enum consumer_flag flag,
                                    const struct flag_context *context, int64_t now_s, struct arena *scratch);

/* Does the decision depend on the message? */
bool flags_consumer_is_targeted(const struct flags *flags, enum consumer_flag flag);

/* Can it be on, or off, for any message at all? Yes where the rule is not simple enough to tell. */
bool flags_consumer_may_be(const struct flags *flags, enum consumer_flag flag, bool on);

/* Does a search find a message for which both consumers are off? `*example` tells of it, in the arena: "of company
 * ...". Not finding one proves nothing where a rule computes. Takes some milliseconds. */
bool flags_find_both_off(const struct flags *flags, int64_t now_s, struct arena *arena, struct str *example);
/* Warns of it. */
void flags_warn_of_both_off(const struct flags *flags, int64_t now_s, struct arena *arena,
                            struct flag_problems *problems);

/* Can the outcome of one of the three be another at `to_s` than it was at `from_s`, for the same message? Unix seconds,
 * in either order. Yes where a rule does more with $flagd.timestamp than compare it with numbers. */
bool flags_may_change_between(const struct flags *flags, int64_t from_s, int64_t to_s);

enum flag_type {
    FLAG_TYPE_ANY,
    FLAG_TYPE_BOOLEAN,
    FLAG_TYPE_STRING,
    FLAG_TYPE_NUMBER,
    FLAG_TYPE_INTEGER, /* a number that is whole */
    FLAG_TYPE_FLOAT,   /* any number */
    FLAG_TYPE_OBJECT
};
bool flag_type_parse(struct str name, enum flag_type *type); /* "boolean", ... */

struct flag_outcome {
    const struct json *value; /* the variant's, else the caller's default; NULL where there is neither */
    struct str variant;       /* absent where the value is the caller's default */
    enum flag_reason reason;
    enum flag_error error;
    const struct json *set_metadata, *flag_metadata; /* NULL where there is none; the flag's counts first */
};

/* `context` is an object or NULL, `fallback` any value or NULL; `now_s` is $flagd.timestamp, in unix seconds. */
void flags_eval(const struct flags *flags, struct str key, const struct json *context, const struct json *fallback,
                enum flag_type type, int64_t now_s, struct arena *scratch, struct flag_outcome *outcome);

/* {"value", "variant", "reason", "errorCode", "metadata"}, absent members left out. */
void flags_outcome_write(const struct flag_outcome *outcome, struct json_writer *writer);

/* A flag as people see it. */
struct flag_view {
    struct str key;
    bool is_disabled, is_broken;
    struct str default_variant;   /* absent: the caller's default */
    const struct json *variants;  /* NULL where there are none */
    const struct json *targeting; /* NULL where there is none */
};
size_t flags_count(const struct flags *flags);
struct flag_view flags_at(const struct flags *flags, size_t index); /* in the order of keys */

/* A flag whose definition differs between two sets, the evaluators that it refers to included. */
struct flag_change {
    struct str key;
    struct str before, after; /* compact JSON; absent where there is no such flag */
};
/* `before` may be NULL: all flags are new. The array lives in the arena. */
size_t flags_changes(const struct flags *before, const struct flags *after, struct arena *arena,
                     const struct flag_change **changes);

#endif
