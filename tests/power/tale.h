/* What is told of an occurrence, by number: the same number, the same text. */
#ifndef TESTS_POWER_TALE_H
#define TESTS_POWER_TALE_H

#include "proxy/store/backend.h"

enum { TALE_PARTS = 3 };

/* One message that will be sent: what of which occurrence it tells. */
struct tale {
    uint64_t occurrence;
    enum generation generation;
    unsigned part; /* of a read, which a rule tells data type by data type */
};

/* Is the occurrence a read, of TALE_PARTS data types? Else it is a write. */
bool tale_is_read(uint64_t occurrence);
struct message tale_message(struct arena *arena, const struct tale *tale, int64_t now_ms);
struct content tale_content(struct arena *arena, const struct tale *tale);

#endif
