#include "proxy/admin/words.h"

struct str words_span(struct arena *arena, int64_t ms) {
    const int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
    if (ms < 0)
        ms = ms == INT64_MIN ? INT64_MAX : -ms;
    if (ms < second)
        return arena_printf(arena, "%lld ms", (long long)ms);
    if (ms < 2 * minute)
        return arena_printf(arena, "%lld.%lld s", (long long)(ms / second), (long long)(ms % second / 100));
    if (ms < 2 * hour)
        return arena_printf(arena, "%lld min", (long long)(ms / minute));
    if (ms < 2 * day)
        return arena_printf(arena, "%lld h %lld min", (long long)(ms / hour), (long long)(ms % hour / minute));
    return arena_printf(arena, "%lld days", (long long)(ms / day));
}

const char *words_plural(uint64_t count, const char *one, const char *many) {
    return count == 1 ? one : many;
}
