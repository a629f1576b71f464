/* What deciding the two flags of a message costs: without targeting, and with rules of the sort that a ramp uses.
 *
 *     tests/build release bench_flags && .build/release/tests/bench/bench_flags */
#include "common/clock.h"
#include "proxy/decide/flags.h"

#include <stdio.h>
#include <stdlib.h>

enum { NOW_S = 1725192000, ROUNDS = 200000, REPEATS = 5 };

#define FLAG(name, default, more)                                                                                      \
    "\"" name                                                                                                          \
    "\":{\"state\":\"ENABLED\",\"variants\":{\"on\":true,\"off\":false},\"defaultVariant\":\"" default "\"" more "}"
#define BOTH(more) "{\"flags\":{" FLAG("legacy-consumer", "on", more) "," FLAG("new-consumer", "off", more) "}}"

static const struct {
    const char *name, *file;
} cases[] = {
    {"static", BOTH("")},
    {"one company", BOTH(",\"targeting\":{\"if\":[{\"==\":[{\"var\":\"companyId\"},"
                         "\"8a210b68-6988-11ed-a1eb-0242ac120002\"]},\"on\",null]}")},
    {"fractional in if",
     BOTH(",\"targeting\":{\"if\":[{\"in\":[{\"var\":\"type\"},[\"read.completed\",\"Data sync completed\"]]},"
          "{\"fractional\":[[\"on\",10],[\"off\",90]]},\"off\"]}")},
    {"list of 100 companies, then fractional", NULL},
};

static struct str long_list(struct arena *arena) {
    struct strbuf rule = {0};
    strbuf_append(&rule, STR("{\"flags\":{"));
    for (int flag = 0; flag < 2; flag++) {
        strbuf_printf(&rule,
                      "%s\"%s\":{\"state\":\"ENABLED\",\"variants\":{\"on\":true,\"off\":false},"
                      "\"defaultVariant\":\"off\",\"targeting\":{\"if\":[{\"in\":[{\"var\":\"companyId\"},[\"x\"",
                      flag == 0 ? "" : ",", flag == 0 ? "legacy-consumer" : "new-consumer");
        for (int i = 0; i < 100; i++)
            strbuf_printf(&rule, ",\"%08x-6988-11ed-a1eb-0242ac120002\"", i * 2654435);
        strbuf_append(&rule, STR("]]},\"on\",{\"fractional\":[[\"on\",10],[\"off\",90]]}]}}"));
    }
    strbuf_append(&rule, STR("}}"));
    struct str text = arena_str(arena, strbuf_str(&rule));
    strbuf_clear(&rule);
    return text;
}

/* Nanoseconds per flag, the best of some runs. */
static double measure(const struct flags *flags, struct arena *scratch) {
    const struct flag_context context = {
        .targeting_key = STR("0498921d-9b53-4396-bd6d-2a11f2d14bb3"),
        .generation = STR("event"),
        .type = STR("read.completed"),
        .company = STR("0498921d-9b53-4396-bd6d-2a11f2d14bb3"),
        .connection = STR("2e9d2c44-f675-40ba-8049-353bfcb5e171"),
    };
    double best = 0;
    unsigned on = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        int64_t began_us = clock_mono_us();
        for (int i = 0; i < ROUNDS; i++) {
            on += flags_consumer(flags, FLAG_LEGACY_CONSUMER, &context, NOW_S, scratch).on;
            on += flags_consumer(flags, FLAG_NEW_CONSUMER, &context, NOW_S, scratch).on;
            arena_reset(scratch);
        }
        double ns = (double)(clock_mono_us() - began_us) * 1000 / (2.0 * ROUNDS);
        best = repeat == 0 || ns < best ? ns : best;
    }
    if (on > 2U * ROUNDS * REPEATS) /* keeps the compiler from leaving the work out */
        abort();
    return best;
}

int main(void) {
    struct arena *arena = arena_new(0), *scratch = arena_new(1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct flags *flags = NULL;
        struct flag_problems problems;
        struct str text = cases[i].file == NULL ? long_list(arena) : str_of(cases[i].file);
        if (flags_load(text, arena, &flags, &problems) != ERR_NONE)
            return 1;
        printf("%-40s %8.1f ns per flag\n", cases[i].name, measure(flags, scratch));
        flags_free(flags);
    }
    arena_free(scratch);
    arena_free(arena);
    return 0;
}
