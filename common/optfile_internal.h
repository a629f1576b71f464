/* What the parts of optfile share. */
#ifndef COMMON_OPTFILE_INTERNAL_H
#define COMMON_OPTFILE_INTERNAL_H

#include "common/json.h"
#include "common/optfile.h"
#include "common/optfile_value.h"

/* Where a setting was given last. */
struct opt_origin {
    struct str place, key;
    uint32_t line; /* 0: none */
    bool is_given;
};

struct optfile {
    struct arena *arena;
    const struct opt_table *table;
    void *values;
    struct opt_origin *origins; /* as many as the table has rows */
    struct str *variables;      /* likewise: names in the environment */
    struct opt_problem *first, *last;
    struct str file;         /* read last; absent: none */
    bool file_is_unreadable; /* so nothing can be said of what it lacks */
};

struct opt_problem *optfile_add_problem(struct optfile *optfile, struct str place, uint32_t line, struct str key);
size_t optfile_index(const struct optfile *optfile, const struct opt *opt);

#endif
