/* Bodies that nobody sent: for a type of the catalogue, a body in which each of its variables has a value. */
#ifndef PROXY_DECIDE_MADE_UP_H
#define PROXY_DECIDE_MADE_UP_H

#include "proxy/decide/catalog.h"

enum { MADE_UP_MAX = 64 };

/* Body number `number` of the type: mapped variables take each of their values in turn. NULL after the last one, and
 * after MADE_UP_MAX. In the arena. What tells the type is not in it. */
const struct json *made_up_body(const struct catalog_type *type, size_t number, struct arena *arena) MUST_USE;

/* What the type's {x} stands for in such bodies. */
struct str made_up_captured(void);

#endif
