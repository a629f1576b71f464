/* How far the migration is, by the flags in force. */
#ifndef PROXY_ADMIN_STAGE_H
#define PROXY_ADMIN_STAGE_H

#include "proxy/decide/flags.h"

struct stage {
    const char *name; /* "expand", "both", "contract", "neither" */
    const char *text; /* one line for people */
};

/* `arena`: for the evaluation alone. */
struct stage stage_of(const struct flags *flags, struct arena *arena);

#endif
