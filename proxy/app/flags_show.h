/* `flags show`: what a flag file says, for people and for programs. */
#ifndef PROXY_APP_FLAGS_SHOW_H
#define PROXY_APP_FLAGS_SHOW_H

#include "proxy/decide/flags.h"

/* `flags` is NULL where the file is refused. */
void flags_show_table(const char *path, const struct flags *flags, const struct flag_problems *problems,
                      struct arena *arena);
void flags_show_json(const struct flags *flags, const struct flag_problems *problems);

#endif
