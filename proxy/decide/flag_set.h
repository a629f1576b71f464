/* A loaded set of flags from the inside: for the loader, its checks and the evaluation. */
#ifndef PROXY_DECIDE_FLAG_SET_H
#define PROXY_DECIDE_FLAG_SET_H

#include "proxy/decide/flags.h"
#include "proxy/decide/jsonlogic.h"

struct flag {
    struct str key;
    const struct json *json; /* what stands in the file; an object unless broken */
    bool is_disabled, is_broken;
    const struct json *variants;   /* an object, or NULL */
    struct str default_variant;    /* absent: the caller's default */
    const struct logic_rule *rule; /* NULL: no targeting */
    const struct json *targeting;  /* as written; NULL: none, or {} */
    const struct json *metadata;   /* an object, or NULL */
};

/* A member of $evaluators. */
struct flag_evaluator {
    struct str key;
    const struct json *json;
    enum { EVALUATOR_WAITING, EVALUATOR_UNDER_WAY, EVALUATOR_DONE } stage; /* of being compiled */
    enum err err;
    const struct logic_rule *rule;
};

struct flags {
    struct arena *arena;
    const struct json *root;
    struct flag *flags; /* sorted by key, each key once */
    size_t count;
    struct flag_evaluator *evaluators; /* likewise */
    size_t evaluator_count;
    const struct json *metadata; /* of the set: an object, or NULL */
    struct {
        const struct flag *flag; /* NULL where it is missing */
        bool is_targeted;
        struct flag_decision fixed; /* where it is not targeted */
    } consumers[CONSUMER_FLAG_COUNT];
};

const struct flag *flag_find(const struct flags *flags, struct str key);               /* NULL: none */
struct flag_evaluator *flag_evaluator_find(const struct flags *flags, struct str key); /* NULL: none */

/* What a decision is where targeting gave `result`, or where there is none (NULL). */
struct flag_decision flag_decide(const struct flag *flag, const struct logic_value *result, struct arena *scratch);

/* The same for a flag of the proxy, with the value that it takes. */
struct flag_decision flag_consumer_decision(enum consumer_flag which, const struct flag *flag,
                                            struct flag_decision decision);

/* Where problems are noted. */
struct flag_report {
    struct arena *arena; /* of the caller */
    struct str text;
    struct flag_problems *problems;
};
void flag_report_at(struct flag_report *report, enum flag_severity severity, struct str flag, uint32_t offset,
                    const char *format, ...) PRINTF_LIKE(5, 6);

/* Warns of everything that flagd's schema forbids in a rule (json/targeting.json of flagd-schemas), and in what stands
 * around the rules. */
void flag_check_rule(struct flag_report *report, struct str flag, const struct json *rule);
void flag_check_set(struct flag_report *report, const struct flags *flags);

/* Warns of names that nothing answers to: flags almost like ours, variables and variants that are not there. */
void flag_check_names(struct flag_report *report, const struct flags *flags);

/* Warns of what endangers a migration. */
void flag_check_dangers(struct flag_report *report, const struct flags *flags);

#endif
