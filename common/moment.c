/* Each form is turned into RFC 3339 where that is possible, so that one function knows which days and hours exist. */
#include "common/moment.h"

#include "common/clock.h"
#include "common/units.h"

#include <stdio.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, UNIX_SECONDS_DIGITS = 9, UNIX_MS_DIGITS = 12, TEXT_MAX = 48 };

static int64_t midnight_before(int64_t ms) {
    int64_t rest = ms % DAY_MS;
    return ms - (rest < 0 ? rest + DAY_MS : rest);
}

static bool parse_name(struct str text, int64_t now_ms, int64_t *ms) {
    if (str_eq_nocase(text, STR("now")))
        *ms = now_ms;
    else if (str_eq_nocase(text, STR("today")))
        *ms = midnight_before(now_ms);
    else if (str_eq_nocase(text, STR("yesterday")))
        *ms = midnight_before(now_ms) - DAY_MS;
    else
        return false;
    return true;
}

/* A number without a unit is a time since 1970: from 9 digits (1973) on, so that "2024" is no moment by accident. */
static bool parse_unix(struct str text, int64_t *ms) {
    uint64_t number;
    if (text.len < UNIX_SECONDS_DIGITS || text.len > 14 || !str_to_u64(text, &number))
        return false;
    *ms = (int64_t)(text.len >= UNIX_MS_DIGITS ? number : number * 1000);
    return true;
}

static bool parse_ago(struct str text, int64_t now_ms, int64_t *ms) {
    int64_t ago_ms;
    if (text.len == 0 || text.at[text.len - 1] < 'a' || !duration_parse(text, &ago_ms) || ago_ms > now_ms)
        return false;
    *ms = now_ms - ago_ms;
    return true;
}

static bool parse_joined(const char *front, struct str middle, const char *back, int64_t *ms) {
    char joined[TEXT_MAX];
    int len = snprintf(joined, sizeof joined, "%s" STR_FMT "%s", front, STR_ARG(middle), back);
    return len > 0 && (size_t)len < sizeof joined && clock_parse_rfc3339(str_slice(joined, (size_t)len), ms);
}

static bool parse_date(struct str text, int64_t *ms) {
    return text.len == 10 && parse_joined("", text, "T00:00:00Z", ms);
}

/* "2024-09-01T12:14" and a zone, or none. */
static bool parse_without_seconds(struct str text, int64_t *ms) {
    enum { MINUTES_END = 16 };
    char joined[TEXT_MAX];
    if (text.len < MINUTES_END || text.len >= TEXT_MAX - 4)
        return false;
    int len = snprintf(joined, sizeof joined, "%.*s:00" STR_FMT, (int)MINUTES_END, text.at,
                       STR_ARG(str_from(text, MINUTES_END)));
    return clock_parse_rfc3339(str_slice(joined, (size_t)len), ms);
}

static bool parse_time_of_day(struct str text, int64_t now_ms, int64_t *ms) {
    int64_t since_midnight_ms;
    if (text.len != 5 && text.len != 8)
        return false;
    if (!parse_joined("1970-01-01T", text, text.len == 5 ? ":00Z" : "Z", &since_midnight_ms))
        return false;
    *ms = midnight_before(now_ms) + since_midnight_ms;
    if (*ms > now_ms)
        *ms -= DAY_MS;
    return true;
}

bool moment_parse(struct str text, int64_t now_ms, int64_t *ms) {
    return parse_name(text, now_ms, ms) || parse_unix(text, ms) || parse_ago(text, now_ms, ms) ||
           clock_parse_rfc3339(text, ms) || parse_date(text, ms) || parse_without_seconds(text, ms) ||
           parse_time_of_day(text, now_ms, ms);
}
