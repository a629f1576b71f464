/* Characters that are not shown but obeyed: by a terminal, or by whatever lays out a line of text. A sender who gets
 * one into a log or a table can make it read as something else (CVE-2021-42574). */
#include "common/str.h"

/* U+061C, U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F and U+FEFF. */
static bool is_mark(unsigned char a, unsigned char b, unsigned char c) {
    if (a == 0xE2 && b == 0x80)
        return (c >= 0x8B && c <= 0x8F) || (c >= 0xA8 && c <= 0xAE);
    return (a == 0xE2 && b == 0x81 && c >= 0xA0 && c <= 0xAF) || (a == 0xEF && b == 0xBB && c == 0xBF);
}

size_t str_control_len(struct str s) {
    const unsigned char *at = (const unsigned char *)s.at;
    if (s.len == 0)
        return 0;
    if (at[0] < 0x80)
        return at[0] < ' ' || at[0] == 0x7F ? 1 : 0;
    if (s.len >= 2 && ((at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F) || (at[0] == 0xD8 && at[1] == 0x9C)))
        return 2;
    return s.len >= 3 && is_mark(at[0], at[1], at[2]) ? 3 : 0;
}

uint32_t str_code_point(struct str s) {
    const unsigned char *at = (const unsigned char *)s.at;
    if (at[0] < 0x80)
        return at[0];
    if (at[0] < 0xE0)
        return (at[0] & 0x1FU) << 6 | (at[1] & 0x3FU);
    return (at[0] & 0x0FU) << 12 | (at[1] & 0x3FU) << 6 | (at[2] & 0x3FU);
}
