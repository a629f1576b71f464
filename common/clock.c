#include "common/clock.h"

#include "common/fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { SET_BACK_MS = 5 * 3600 * 1000 };

static _Atomic int64_t set_wall_ms = -1, shifted_ms;

int64_t clock_wall_ms(void) {
    int64_t set = atomic_load_explicit(&set_wall_ms, memory_order_relaxed);
    if (set >= 0)
        return set;
    if (FAULT("clock.back", 0))
        clock_shift_wall_ms(-SET_BACK_MS);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + atomic_load_explicit(&shifted_ms, memory_order_relaxed);
}

int64_t clock_mono_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_set_wall_ms(int64_t ms) {
    atomic_store_explicit(&set_wall_ms, ms, memory_order_relaxed);
}

void clock_shift_wall_ms(int64_t by_ms) {
    atomic_fetch_add_explicit(&shifted_ms, by_ms, memory_order_relaxed);
}

/* Reads exactly `digits` digits at *at and moves on. */
static bool read_number(struct str *rest, size_t digits, int *value) {
    uint64_t number;
    if (rest->len < digits || !str_to_u64(str_slice(rest->at, digits), &number))
        return false;
    *rest = str_from(*rest, digits);
    *value = (int)number;
    return true;
}

static bool read_char(struct str *rest, char c) {
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

static bool read_fraction(struct str *rest, int *ms) {
    *ms = 0;
    if (!read_char(rest, '.'))
        return true;
    int scale = 100;
    size_t digits = 0;
    for (; rest->len > 0 && rest->at[0] >= '0' && rest->at[0] <= '9'; digits++) {
        *ms += (rest->at[0] - '0') * scale;
        scale /= 10;
        *rest = str_from(*rest, 1);
    }
    return digits >= 1 && digits <= 9;
}

static bool read_zone(struct str *rest, int *offset_minutes) {
    *offset_minutes = 0;
    if (rest->len == 0 || read_char(rest, 'Z') || read_char(rest, 'z'))
        return rest->len == 0;
    int sign = rest->at[0] == '-' ? -1 : 1, hours, minutes;
    if (!(read_char(rest, '+') || read_char(rest, '-')))
        return false;
    if (!read_number(rest, 2, &hours) || !read_char(rest, ':') || !read_number(rest, 2, &minutes))
        return false;
    *offset_minutes = sign * (hours * 60 + minutes);
    return rest->len == 0 && hours <= 23 && minutes <= 59;
}

static bool is_leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool date_exists(int year, int month, int day) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Leap days up to the end of a year, counted from 400 years before the year 0, so that there is nothing negative. */
static int leap_days_to(int year) {
    int years = year + 400;
    return years / 4 - years / 100 + years / 400;
}

/* Since 1970-01-01, in the Gregorian calendar. */
static int64_t days_since_1970(int year, int month, int day) {
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap_days = leap_days_to(year - 1) - leap_days_to(1969) + (month > 2 && is_leap(year) ? 1 : 0);
    return (year - 1970) * 365 + leap_days + before[month - 1] + day - 1;
}

bool clock_parse_rfc3339(struct str text, int64_t *ms) {
    int year, month, day, hour, minute, second, fraction, offset;
    struct str rest = text;
    if (!read_number(&rest, 4, &year) || !read_char(&rest, '-') || !read_number(&rest, 2, &month) ||
        !read_char(&rest, '-') || !read_number(&rest, 2, &day))
        return false;
    if (!read_char(&rest, 'T') && !read_char(&rest, 't') && !read_char(&rest, ' '))
        return false;
    if (!read_number(&rest, 2, &hour) || !read_char(&rest, ':') || !read_number(&rest, 2, &minute) ||
        !read_char(&rest, ':') || !read_number(&rest, 2, &second) || !read_fraction(&rest, &fraction) ||
        !read_zone(&rest, &offset))
        return false;
    if (!date_exists(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset;
    *ms = (minutes * 60 + second) * 1000 + fraction;
    return true;
}

bool clock_parse_unix(struct str text, int64_t *ms) {
    double number;
    if (text.len == 0 || text.at[0] < '0' || text.at[0] > '9' || !str_to_double(text, &number) || number >= 1e14)
        return false;
    *ms = (int64_t)(number < 1e11 ? number * 1000 + 0.5 : number);
    return true;
}

struct str clock_format_rfc3339(struct arena *arena, int64_t ms) {
    bool is_negative = ms % 1000 < 0; /* before 1970 too, time goes forward */
    int64_t millis = ms % 1000 + (is_negative ? 1000 : 0);
    time_t seconds = (time_t)(ms / 1000 - (is_negative ? 1 : 0));
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec, (int)millis);
}
