/* Settings read as their table (common/opt.h) says.
 *
 * Values come from a JSON file (with comments), from environment variables, and from assignments KEY=VALUE; what is
 * read later overrides what was read before. Nothing stops at a mistake: each becomes one entry of a list, with file,
 * line and key, so that a person mends all of them in one go. Everything lives in the arena that was given; one
 * thread. */
#ifndef COMMON_OPTFILE_H
#define COMMON_OPTFILE_H

#include "common/opt.h"

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

/* After all reading: overwrites the values of secrets in `variables` (like environ) and in one assignment, which must
 * be memory that may be written to, as what the program was started with is. */
void opt_forget_environment(const struct opt_table *table, const char *const *variables);
void opt_forget_assignment(const struct opt_table *table, struct str assignment);

/* What the values refer to is copied into another arena, so that the one they were read into can be freed: with the
 * text of the file, and with what was overridden. */
void opt_values_move(struct arena *arena, const struct opt_table *table, void *values);

/* The same for the same value; for others the same by chance alone. */
uint64_t opt_value_hash(const struct opt *opt, const void *values);

/* "hookshift.json:12: log.levl: is no setting; did you mean "log.level"?" */
void opt_problem_print(struct strbuf *out, const struct opt_problem *problem);

#endif
