/* What the files of parity share. */
#ifndef PROXY_STORE_PARITY_INTERNAL_H
#define PROXY_STORE_PARITY_INTERNAL_H

#include "proxy/store/parity.h"

#define PARITY_MINUTE_MS ((int64_t)60 * 1000)
#define PARITY_HOUR_MS   ((int64_t)60 * PARITY_MINUTE_MS)
/* Minutes stay for as long; what is older is kept by hour. */
#define PARITY_FINE_MS ((int64_t)2 * PARITY_HOUR_MS)

struct parity {
    int64_t window_ms;
    struct str *types; /* by name, owned: all that have a row, or had one when the process began */
    size_t type_count;
    struct parity_bucket *counted; /* by the group under way */
    size_t counted_count, counted_capacity;
};

int64_t parity_floor(int64_t at_ms, int64_t step_ms); /* also of times before 1970 */

#endif
