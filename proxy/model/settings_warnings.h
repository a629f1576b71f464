/* What is allowed but often not meant: told by `check` and in the log at start. */
#ifndef PROXY_MODEL_SETTINGS_WARNINGS_H
#define PROXY_MODEL_SETTINGS_WARNINGS_H

#include "proxy/model/settings.h"

/* Appends one line each. */
void settings_warnings(const struct settings *settings, struct strbuf *lines);

#endif
