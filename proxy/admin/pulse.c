/* A question is a post that sets a flag. At most one is open per loop, so that one that hangs is not buried in them. */
#include "proxy/admin/pulse.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdatomic.h>

enum { ASK_MS = 1000 };

struct beat {
    struct loop *loop;
    int64_t asked_us;
    _Atomic bool answered;
};

struct pulse {
    struct loop_timer *timer;
    struct beat *beats;
    size_t count;
};

/* On the thread of the loop that is asked. */
static void on_asked(void *arg) {
    struct beat *beat = arg;
    atomic_store(&beat->answered, true);
}

static void on_timer(void *arg) {
    struct pulse *pulse = arg;
    for (size_t i = 0; i < pulse->count; i++) {
        struct beat *beat = &pulse->beats[i];
        if (!atomic_load(&beat->answered))
            continue;
        atomic_store(&beat->answered, false);
        beat->asked_us = clock_mono_us();
        loop_post(beat->loop, on_asked, beat);
    }
    loop_timer_set(pulse->timer, ASK_MS);
}

struct pulse *pulse_new(struct loop *own, struct loop *const *loops, size_t count) {
    struct pulse *pulse = MEM_NEW(struct pulse);
    pulse->beats = MEM_ARRAY(count, struct beat);
    pulse->count = count;
    for (size_t i = 0; i < count; i++) {
        pulse->beats[i].loop = loops[i];
        atomic_init(&pulse->beats[i].answered, true);
    }
    pulse->timer = loop_timer_new(own, on_timer, pulse);
    loop_timer_set(pulse->timer, ASK_MS);
    return pulse;
}

int pulse_find_silent(const struct pulse *pulse, int64_t within_ms) {
    int64_t before_us = clock_mono_us() - within_ms * 1000;
    for (size_t i = 0; i < pulse->count; i++)
        if (!atomic_load(&pulse->beats[i].answered) && pulse->beats[i].asked_us < before_us)
            return (int)i;
    return -1;
}

void pulse_free(struct pulse *pulse) {
    if (pulse == NULL)
        return;
    loop_timer_free(pulse->timer);
    mem_free(pulse->beats);
    mem_free(pulse);
}
