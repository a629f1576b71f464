/* Last words: a line on standard error right before abort(), from any thread, that cannot block for long.
 *
 * Only for failures after which the program ends; everything else is logged (log.h). */
#ifndef COMMON_FATAL_H
#define COMMON_FATAL_H

#include "common/base.h"

/* One line, cut at 512 bytes. Waits 200 ms at most for a reader that is slow. */
void fatal_say(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
