/* What single settings, and settings together, must be like beyond their types. Used by settings alone. */
#ifndef PROXY_MODEL_SETTINGS_CHECKS_H
#define PROXY_MODEL_SETTINGS_CHECKS_H

#include "proxy/model/settings.h"

/* struct opt's checks: NULL, or what is wrong. */
const char *settings_check_not_empty(struct str text);
const char *settings_check_range(struct str text); /* of addresses: 10.0.0.0/8 */
const char *settings_check_store(struct str text);
const char *settings_check_type(struct str text); /* name of a rule or event type */
const char *settings_check_header_name(struct str text);
const char *settings_check_header_value(struct str text);

/* Adds a problem for everything that does not go together, and for files that cannot be read. */
void settings_check_all(struct optfile *optfile, const struct settings *settings);

/* The part of it that looks for consumers that are hookshift itself. */
void settings_check_urls(struct optfile *optfile, const struct settings *settings);

#endif
