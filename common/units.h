/* Lengths of time and of data as people write them: "250ms", "10s", "5m", "2h", "15d"; "64KiB", "1MiB", "1GiB".
 *
 * Whole numbers only, one unit, no sign and no space. A time of 0 and a number of bytes need no unit. */
#ifndef COMMON_UNITS_H
#define COMMON_UNITS_H

#include "common/str.h"

bool duration_parse(struct str text, int64_t *ms) MUST_USE; /* false also for what does not fit */
bool size_parse(struct str text, size_t *bytes) MUST_USE;

/* In the largest unit that leaves no rest: 90000 ms are "90s", 120000 "2m". */
void duration_print(struct strbuf *out, int64_t ms); /* not negative */
void size_print(struct strbuf *out, size_t bytes);

#endif
