/* The memory that yajl works in while it reads one text. It may hold a secret of the settings, so that all of it is
 * overwritten before it is given back. Part of json. */
#ifndef COMMON_JSON_MEMORY_H
#define COMMON_JSON_MEMORY_H

#include "common/base.h"

#include <yajl/yajl_common.h>

/* Not to be cleared beforehand, which would cost more than it saves. */
struct json_memory {
    _Alignas(16) char room[1024]; /* enough for most texts; what finds no place here is on the heap */
    size_t used;
};

/* For one yajl_alloc(), which may use it until its yajl_free(). */
void json_memory_begin(struct json_memory *memory, yajl_alloc_funcs *functions);
void json_memory_end(struct json_memory *memory);

#endif
