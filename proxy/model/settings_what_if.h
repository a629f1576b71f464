/* Settings as they are, but for some that somebody wants to try out. */
#ifndef PROXY_MODEL_SETTINGS_WHAT_IF_H
#define PROXY_MODEL_SETTINGS_WHAT_IF_H

#include "proxy/model/settings.h"

/* `assignments`: one KEY=VALUE a line, of settings that decisions about messages rest on; empty: none. ERR_INVALID for
 * other keys, and for values that the settings would refuse; the detail says which and what would be right. What is new
 * lives in the arena. */
enum err settings_what_if(struct arena *arena, const struct settings *base, struct str assignments,
                          struct settings *settings, struct err_detail *detail) MUST_USE;

#endif
