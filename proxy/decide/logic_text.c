#include "proxy/decide/logic_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Texts come from a JSON parser that refuses invalid UTF-8, or from the bytes of a request; either way no step here
 * leaves the text, whatever is in it. */
static size_t char_len(struct str text, size_t at) {
    unsigned char lead = (unsigned char)text.at[at];
    size_t len = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return len < text.len - at ? len : text.len - at;
}

static size_t char_units(struct str text, size_t at) {
    return (unsigned char)text.at[at] >= 0xF0 ? 2 : 1;
}

size_t logic_utf16_len(struct str text) {
    size_t units = 0;
    for (size_t at = 0; at < text.len; at += char_len(text, at))
        units += char_units(text, at);
    return units;
}

int logic_utf16_compare(struct str a, struct str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        unsigned char x = (unsigned char)a.at[i], y = (unsigned char)b.at[i];
        if (x == y)
            continue;
        /* Bytes order as code points do; UTF-16 differs only in putting what lies past U+FFFF (surrogates from
         * U+D800) before U+E000 to U+FFFF. */
        if (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0))
            return x >= 0xF0 ? -1 : 1;
        return x < y ? -1 : 1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

struct str logic_utf16_slice(struct str text, size_t start, size_t count, bool *cut_start, bool *cut_end) {
    size_t at = 0, unit = 0;
    *cut_start = *cut_end = false;
    if (text.len == 0)
        return text;
    while (at < text.len && unit < start) {
        unit += char_units(text, at);
        at += char_len(text, at);
    }
    *cut_start = unit > start && count > 0;
    size_t first = at, left = count - (*cut_start ? 1 : 0);
    while (at < text.len && left > 0) {
        size_t units = char_units(text, at);
        if (units > left) {
            *cut_end = true;
            break;
        }
        left -= units;
        at += char_len(text, at);
    }
    return str_slice(text.at + first, at - first);
}

/* Length of the white space or line terminator that `text` begins with (ECMA-262, 12.2 and 12.3), else 0. */
static size_t space_len(struct str text) {
    static const struct str spaces[] = {
        STR("\xC2\xA0"),     STR("\xEF\xBB\xBF"), STR("\xE1\x9A\x80"), STR("\xE2\x80\xA8"),
        STR("\xE2\x80\xA9"), STR("\xE2\x80\xAF"), STR("\xE2\x81\x9F"), STR("\xE3\x80\x80"),
    };
    if (text.len == 0)
        return 0;
    if (text.at[0] == ' ' || (text.at[0] >= '\t' && text.at[0] <= '\r'))
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (str_starts_with(text, spaces[i]))
            return spaces[i].len;
    bool is_general = str_starts_with(text, STR("\xE2\x80")) && text.len >= 3 && (unsigned char)text.at[2] >= 0x80 &&
                      (unsigned char)text.at[2] <= 0x8A; /* U+2000 to U+200A */
    return is_general ? 3 : 0;
}

struct str logic_trim(struct str text) {
    for (size_t len = space_len(text); len > 0; len = space_len(text))
        text = str_from(text, len);
    size_t end = 0;
    for (size_t at = 0; at < text.len;) {
        size_t space = space_len(str_from(text, at));
        at += space > 0 ? space : char_len(text, at);
        end = space > 0 ? end : at;
    }
    return str_slice(text.at, end);
}

static size_t digits_len(struct str text, size_t at) {
    size_t len = 0;
    while (at + len < text.len && text.at[at + len] >= '0' && text.at[at + len] <= '9')
        len++;
    return len;
}

size_t logic_decimal_prefix(struct str text) {
    size_t at = text.len > 0 && (text.at[0] == '+' || text.at[0] == '-') ? 1 : 0;
    if (str_starts_with(str_from(text, at), STR("Infinity")))
        return at + strlen("Infinity");
    size_t whole = digits_len(text, at), fraction = 0;
    at += whole;
    if (at < text.len && text.at[at] == '.') {
        fraction = digits_len(text, at + 1);
        if (whole + fraction > 0)
            at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (at < text.len && (text.at[at] == 'e' || text.at[at] == 'E')) {
        size_t digits = at + 1;
        if (digits < text.len && (text.at[digits] == '+' || text.at[digits] == '-'))
            digits++;
        size_t len = digits_len(text, digits);
        if (len > 0)
            at = digits + len;
    }
    return at;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
}

bool logic_radix_number(struct str text, double *number) {
    if (text.len < 3 || text.at[0] != '0')
        return false;
    char kind = (char)(text.at[1] | 0x20);
    int radix = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    double sum = 0;
    for (size_t i = 2; i < text.len; i++) {
        int digit = digit_value(text.at[i]);
        if (digit >= radix)
            return false;
        sum = sum * radix + digit;
    }
    *number = sum;
    return true;
}

/* Digits of the shortest decimal that reads back as `number` (positive, finite); the point stands after digit
 * `*point`. If 15 digits suffice, cutting their zeros gives the shortest: no two decimals that short read the same.
 * Subnormal numbers are farther apart and may need as little as one digit. */
static size_t shortest_digits(double number, char digits[20], int *point) {
    char text[32];
    int precision = number < DBL_MIN ? 1 : 15; /* 17 always suffice */
    do {
        snprintf(text, sizeof text, "%.*e", precision++ - 1, number);
    } while (strtod(text, NULL) != number);
    size_t count = 0;
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at != '.')
            digits[count++] = *at;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    *point = (int)strtol(at + 1, NULL, 10) + 1;
    return count;
}

static struct str number_layout(bool negative, double magnitude, char out[LOGIC_NUMBER_TEXT_MAX]) {
    char digits[20];
    int point;
    int count = (int)shortest_digits(magnitude, digits, &point);
    const char *sign = negative ? "-" : "";
    int len;
    if (count <= point && point <= 21)
        len = snprintf(out, LOGIC_NUMBER_TEXT_MAX, "%s%s%.*s", sign, digits, point - count, "000000000000000000000");
    else if (point > 0 && point < count)
        len = snprintf(out, LOGIC_NUMBER_TEXT_MAX, "%s%.*s.%s", sign, point, digits, digits + point);
    else if (point > -6 && point <= 0)
        len = snprintf(out, LOGIC_NUMBER_TEXT_MAX, "%s0.%.*s%s", sign, -point, "00000", digits);
    else
        len = snprintf(out, LOGIC_NUMBER_TEXT_MAX, "%s%c%s%se%+d", sign, digits[0], count > 1 ? "." : "", digits + 1,
                       point - 1);
    return str_slice(out, (size_t)len);
}

struct str logic_number_text(double number, char out[LOGIC_NUMBER_TEXT_MAX]) {
    if (isnan(number))
        return STR("NaN");
    if (isinf(number))
        return number > 0 ? STR("Infinity") : STR("-Infinity");
    if (number == 0)
        return STR("0"); /* -0 too */
    return number_layout(number < 0, fabs(number), out);
}

bool logic_array_index(struct str text, uint32_t *index) {
    uint64_t number;
    if (text.len > 10 || (text.len > 1 && text.at[0] == '0') || !str_to_u64(text, &number) || number >= UINT32_MAX)
        return false;
    *index = (uint32_t)number;
    return true;
}
