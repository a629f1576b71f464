/* Bodies that were sent compressed (RFC 1952), with a bound on what becomes of them. zlib behind it. */
#ifndef COMMON_GZIP_H
#define COMMON_GZIP_H

#include "common/arena.h"
#include "common/err.h"

/* The text of one whole gzip member, in the arena; nothing may follow the member. ERR_INVALID: it is none, or is cut
 * off or damaged; ERR_LIMIT: more than `most` bytes would become of it, of which no more than these were made;
 * ERR_BUSY: the arena's budget has no room. Any thread. */
enum err gzip_decode(struct arena *arena, struct str data, size_t most, struct str *text) MUST_USE;

#endif
