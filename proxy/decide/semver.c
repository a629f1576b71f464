#include "proxy/decide/semver.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_identifier_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool all_digits(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.at[i]))
            return false;
    return text.len > 0;
}

/* Cuts a number without leading zeros off the front. */
static bool take_number(struct str *text, struct str *number) {
    size_t len = 0;
    while (len < text->len && is_digit(text->at[len]))
        len++;
    if (len == 0 || (len > 1 && text->at[0] == '0'))
        return false;
    *number = str_slice(text->at, len);
    *text = str_from(*text, len);
    return true;
}

/* Dot-separated identifiers, none empty; numeric ones of a pre-release have no leading zeros. */
static bool are_identifiers(struct str text, bool is_pre_release) {
    struct str piece;
    while (str_next(&text, '.', &piece)) {
        if (piece.len == 0 || (is_pre_release && piece.len > 1 && piece.at[0] == '0' && all_digits(piece)))
            return false;
        for (size_t i = 0; i < piece.len; i++)
            if (!is_identifier_char(piece.at[i]))
                return false;
    }
    return true;
}

static bool parse_tail(struct str text, struct semver *version) {
    if (text.len > 0 && text.at[0] == '-') {
        const char *plus = memchr(text.at, '+', text.len);
        size_t len = plus == NULL ? text.len : (size_t)(plus - text.at);
        version->pre_release = str_slice(text.at + 1, len - 1);
        if (!are_identifiers(version->pre_release, true))
            return false;
        text = str_from(text, len);
    }
    return text.len == 0 || (text.at[0] == '+' && are_identifiers(str_from(text, 1), false));
}

bool semver_parse(struct str text, struct semver *version) {
    struct semver parsed = {.numbers = {STR("0"), STR("0"), STR("0")}, .pre_release = STR("")};
    if (text.len > 0 && (text.at[0] == 'v' || text.at[0] == 'V'))
        text = str_from(text, 1);
    for (size_t i = 0; i < ARRAY_LEN(parsed.numbers); i++) {
        if (i > 0 && text.len == 0)
            break;
        if (i > 0 && text.at[0] != '.')
            return false;
        text = str_from(text, i > 0 ? 1 : 0);
        if (!take_number(&text, &parsed.numbers[i]))
            return false;
    }
    if (!parse_tail(text, &parsed))
        return false;
    *version = parsed;
    return true;
}

static int compare_numbers(struct str a, struct str b) {
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return str_compare(a, b);
}

static int compare_identifiers(struct str a, struct str b) {
    bool a_is_number = all_digits(a), b_is_number = all_digits(b);
    if (a_is_number && b_is_number)
        return compare_numbers(a, b);
    if (a_is_number != b_is_number)
        return a_is_number ? -1 : 1;
    return str_compare(a, b);
}

/* A version without a pre-release comes after every one with; a longer list of equal identifiers after a shorter. */
static int compare_pre_releases(struct str a, struct str b) {
    if (a.len == 0 || b.len == 0)
        return (a.len == 0) - (b.len == 0);
    struct str x, y;
    for (;;) {
        bool has_x = str_next(&a, '.', &x), has_y = str_next(&b, '.', &y);
        if (!has_x || !has_y)
            return has_x - has_y;
        int order = compare_identifiers(x, y);
        if (order != 0)
            return order;
    }
}

int semver_compare(const struct semver *a, const struct semver *b) {
    for (size_t i = 0; i < ARRAY_LEN(a->numbers); i++) {
        int order = compare_numbers(a->numbers[i], b->numbers[i]);
        if (order != 0)
            return order;
    }
    return compare_pre_releases(a->pre_release, b->pre_release);
}

bool semver_same(const struct semver *a, const struct semver *b, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!str_eq(a->numbers[i], b->numbers[i]))
            return false;
    return true;
}
