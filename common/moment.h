/* Moments as people type them: for filters by time.
 *
 *     2024-09-01T12:14:14Z   RFC 3339; without a zone it is UTC, seconds and fraction may be left out
 *     2024-09-01             midnight, UTC
 *     12:30, 12:30:15        today, UTC; yesterday where that is still to come
 *     now, today, yesterday  the latter two at midnight, UTC
 *     24h, 90m, 7d           so long ago
 *     1725192854             unix seconds; 13 digits are milliseconds */
#ifndef COMMON_MOMENT_H
#define COMMON_MOMENT_H

#include "common/str.h"

/* What an error says that has to name the forms. */
#define MOMENT_FORMS "a time such as 2024-09-01T12:00:00Z, 2024-09-01, 12:30, yesterday, 24h (ago) or unix seconds"

/* Wall time in milliseconds; false for anything else, also where the day or the hour does not exist. */
bool moment_parse(struct str text, int64_t now_ms, int64_t *ms) MUST_USE;

#endif
