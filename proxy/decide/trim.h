/* A body without some of the elements of the list that its items are. */
#ifndef PROXY_DECIDE_TRIM_H
#define PROXY_DECIDE_TRIM_H

#include "common/arena.h"
#include "common/err.h"
#include "proxy/model/message.h"

/* Leaves out the elements of the items whose `covered` is true, each with one comma and the white space on one side
 * of it; all else stays byte for byte. `items` are those that classify() made of this very body: all elements of one
 * list, in order. ERR_INVALID where an item has no range or one that the body cannot have. */
enum err trim_body(struct str body, const struct item *items, size_t item_count, const bool *covered,
                   struct arena *arena, struct str *trimmed) MUST_USE;

#endif
