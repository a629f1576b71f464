#include "common/units.h"

struct unit {
    struct str name;
    uint64_t factor;
};

/* Smallest first. */
static const struct unit durations[] = {
    {{"ms", 2}, 1},
    {{"s", 1}, 1000},
    {{"m", 1}, UINT64_C(60) * 1000},
    {{"h", 1}, UINT64_C(60) * 60 * 1000},
    {{"d", 1}, UINT64_C(24) * 60 * 60 * 1000},
};
static const struct unit sizes[] = {
    {{"", 0}, 1},
    {{"KiB", 3}, UINT64_C(1) << 10},
    {{"MiB", 3}, UINT64_C(1) << 20},
    {{"GiB", 3}, UINT64_C(1) << 30},
};

static bool parse(struct str text, const struct unit *units, size_t count, uint64_t most, uint64_t *value) {
    size_t digits = 0;
    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    uint64_t number;
    struct str name = str_from(text, digits);
    if (!str_to_u64(str_slice(text.at, digits), &number))
        return false;
    for (const struct unit *unit = units; unit < units + count; unit++) {
        if (!str_eq(unit->name, name))
            continue;
        *value = number * unit->factor;
        return number <= most / unit->factor;
    }
    *value = 0;
    return number == 0 && name.len == 0;
}

static void print(struct strbuf *out, uint64_t value, const struct unit *units, size_t count) {
    size_t i = count - 1;
    while (i > 0 && (value == 0 || value % units[i].factor != 0))
        i--;
    strbuf_printf(out, "%llu" STR_FMT, (unsigned long long)(value / units[i].factor), STR_ARG(units[i].name));
}

bool duration_parse(struct str text, int64_t *ms) {
    uint64_t value;
    if (!parse(text, durations, ARRAY_LEN(durations), INT64_MAX, &value))
        return false;
    *ms = (int64_t)value;
    return true;
}

bool size_parse(struct str text, size_t *bytes) {
    uint64_t value;
    if (!parse(text, sizes, ARRAY_LEN(sizes), SIZE_MAX, &value))
        return false;
    *bytes = (size_t)value;
    return true;
}

void duration_print(struct strbuf *out, int64_t ms) {
    if (ms == 0)
        strbuf_append_char(out, '0');
    else
        print(out, (uint64_t)ms, durations, ARRAY_LEN(durations));
}

void size_print(struct strbuf *out, size_t bytes) {
    print(out, bytes, sizes, ARRAY_LEN(sizes));
}
