/* Large pieces go back to the system by themselves (arena_grow()). What small ones leave in the heap lies scattered
 * among what stays, and goes back only when it is asked for. */
#include "common/budget.h"

#include "common/mem.h"

enum { MUCH = 16 * 1024 * 1024, PART = 4 };

void budget_take(struct budget *budget, size_t bytes) {
    size_t used = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed) + bytes;
    if (used > atomic_load_explicit(&budget->peak, memory_order_relaxed))
        atomic_store_explicit(&budget->peak, used, memory_order_relaxed); /* near enough where threads race */
}

void budget_give(struct budget *budget, size_t bytes) {
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

bool budget_has_room(const struct budget *budget, size_t bytes, size_t eighths) {
    return atomic_load_explicit(&budget->used, memory_order_relaxed) + bytes <= budget->most / 8 * eighths;
}

bool budget_tidy(struct budget *budget) {
    size_t used = atomic_load(&budget->used), peak = atomic_load(&budget->peak);
    if (peak < MUCH || used > peak / PART)
        return false;
    atomic_store(&budget->peak, used);
    mem_return_unused();
    return true;
}
