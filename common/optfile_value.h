/* One value of one setting: from text or JSON into the structure. Used by optfile alone. */
#ifndef COMMON_OPTFILE_VALUE_H
#define COMMON_OPTFILE_VALUE_H

#include "common/json.h"
#include "common/optfile.h"

/* Why a value was refused. A secret never stands in it. */
struct opt_fault {
    struct str what, right;
    const struct json *at; /* the part of the JSON value that is wrong; NULL: all of it */
};

/* False, and nothing written to `values`, where the value is refused. */
bool opt_value_from_text(struct arena *arena, const struct opt *opt, struct str text, void *values,
                         struct opt_fault *fault) MUST_USE;
bool opt_value_from_json(struct arena *arena, const struct opt *opt, const struct json *json, void *values,
                         struct opt_fault *fault) MUST_USE;

#endif
