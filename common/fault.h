/* Named places where something outside the program may fail, for tests that let it fail there.
 *
 *     int fd = FAULT("file.open", EMFILE) ? -1 : open(path, O_RDONLY);
 *
 * Only builds with HOOKSHIFT_FAULTS have them; in all others FAULT() is `false`, and nothing is left of it. Any
 * thread. */
#ifndef COMMON_FAULT_H
#define COMMON_FAULT_H

#include "common/base.h"

#ifdef HOOKSHIFT_FAULTS

#include <stdatomic.h>

enum { FAULT_POINTS_MAX = 64, FAULT_ORDERS_MAX = 2 };

struct fault_point {
    const char *name;
    _Atomic uint32_t passed; /* so often */
};

struct fault_order {
    const char *name;
    uint32_t at;     /* strikes when the point is passed for the at-th time, counted from 1 */
    bool is_lasting; /* and every time after that */
};

/* Plain memory without pointers to the heap: it may be shared with a process that is forked. */
struct fault_plan {
    struct fault_order orders[FAULT_ORDERS_MAX]; /* without a name: none */
    struct fault_point points[FAULT_POINTS_MAX]; /* those that were passed */
    _Atomic uint32_t point_count;
    _Atomic uint32_t struck; /* times that a fault was made */
};

void fault_use(struct fault_plan *plan); /* before the first thread; NULL: none, as at the start */
/* The point is passed: true where it shall fail, with `error` in errno. `name` lives for ever. */
bool fault_strikes(const char *name, int error);

#define FAULT(name, error) fault_strikes((name), (error))

#else

#define FAULT(name, error) false

#endif

#endif
