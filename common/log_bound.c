/* The list of places only grows: they are static. Two threads that cross the end of the 10 seconds at once may let a
 * line more pass; nobody waits for a lock. */
#include "common/log_bound.h"

static _Atomic(struct log_site *) sites;

static void list_site(struct log_site *site) {
    if (atomic_exchange(&site->is_listed, true))
        return;
    site->next = atomic_load(&sites);
    while (!atomic_compare_exchange_weak(&sites, &site->next, site))
        continue;
}

static void tell_left_out(struct log_site *site) {
    uint64_t count = atomic_exchange(&site->left_out, 0);
    if (count > 0)
        LOG((enum log_level)atomic_load(&site->level), "lines like this were left out: at most 20 in 10 s",
            LOG_TEXTZ("line", site->fact), LOG_INT("count", count));
}

bool log_site_passes(struct log_site *site, enum log_level level, int64_t now_us) {
    int64_t began_us = atomic_load(&site->began_us);
    if (began_us == 0 || now_us - began_us >= LOG_BOUND_US) {
        tell_left_out(site);
        atomic_store(&site->began_us, now_us);
        atomic_store(&site->lines, 0);
    }
    if (atomic_fetch_add(&site->lines, 1) < LOG_BOUND_LINES)
        return true;
    atomic_store(&site->level, (int)level);
    atomic_fetch_add(&site->left_out, 1);
    list_site(site);
    return false;
}

void log_bound_tick(int64_t now_us) {
    for (struct log_site *site = atomic_load(&sites); site != NULL; site = site->next)
        if (now_us - atomic_load(&site->began_us) >= LOG_BOUND_US)
            tell_left_out(site);
}
