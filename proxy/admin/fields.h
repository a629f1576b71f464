/* Field parity as JSON, and as reasons against a verdict. */
#ifndef PROXY_ADMIN_FIELDS_H
#define PROXY_ADMIN_FIELDS_H

#include "common/json.h"
#include "proxy/flow/fields.h"

/* Writes a list of rule types, each with its members. */
void fields_write(struct json_writer *json, struct arena *arena, const struct fields *fields,
                  const struct settings *settings);

/* Does the member differ in a larger share of pairs than the settings allow, and is not ignored there? */
bool field_is_reason(const struct settings *settings, const struct field_type *type, const struct field *field);

#endif
