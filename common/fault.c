#include "common/fault.h"

#ifdef HOOKSHIFT_FAULTS

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct fault_plan *plan_in_use;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fault_use(struct fault_plan *plan) {
    plan_in_use = plan;
}

static struct fault_point *find_point(struct fault_plan *plan, const char *name) {
    uint32_t count = atomic_load(&plan->point_count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(plan->points[i].name, name) == 0)
            return &plan->points[i];
    if (count == FAULT_POINTS_MAX)
        abort(); /* there are more of them than this test knows */
    plan->points[count].name = name;
    atomic_store(&plan->point_count, count + 1);
    return &plan->points[count];
}

static bool is_ordered(const struct fault_plan *plan, const char *name, uint32_t passed) {
    for (size_t i = 0; i < FAULT_ORDERS_MAX; i++) {
        const struct fault_order *order = &plan->orders[i];
        if (order->name != NULL && strcmp(order->name, name) == 0 &&
            (passed == order->at || (order->is_lasting && passed > order->at)))
            return true;
    }
    return false;
}

bool fault_strikes(const char *name, int error) {
    struct fault_plan *plan = plan_in_use;
    if (plan == NULL)
        return false;
    pthread_mutex_lock(&lock);
    struct fault_point *point = find_point(plan, name);
    bool strikes = is_ordered(plan, name, atomic_fetch_add(&point->passed, 1) + 1);
    pthread_mutex_unlock(&lock);
    if (!strikes)
        return false;
    atomic_fetch_add(&plan->struck, 1);
    errno = error;
    return true;
}

#else
typedef int fault_is_compiled_out; /* a file of C is never empty */
#endif
