#include "common/nearest.h"

enum { LONGEST = 64 };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* rows[i % 3][j]: between the first i bytes of a and the first j of b. */
size_t edit_distance(struct str a, struct str b) {
    size_t rows[3][LONGEST + 1];
    if (a.len > LONGEST || b.len > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = lower(a.at[i - 1]), y = lower(b.at[j - 1]);
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0 : 1));
            bool is_swap = i > 1 && j > 1 && x == lower(b.at[j - 2]) && y == lower(a.at[i - 2]);
            if (is_swap && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

void nearest_begin(struct nearest *nearest, struct str wanted) {
    *nearest = (struct nearest){.wanted = wanted, .distance = SIZE_MAX};
}

static size_t common_start(struct str a, struct str b) {
    size_t len = 0;
    while (len < a.len && len < b.len && lower(a.at[len]) == lower(b.at[len]))
        len++;
    return len;
}

/* Of two that are as near, the one that begins alike: "of" is rather "off" than "on". */
static bool is_nearer(const struct nearest *nearest, struct str candidate, size_t distance) {
    if (distance != nearest->distance)
        return distance < nearest->distance;
    return common_start(nearest->wanted, candidate) > common_start(nearest->wanted, nearest->best);
}

void nearest_offer(struct nearest *nearest, struct str candidate) {
    size_t longer = candidate.len > nearest->wanted.len ? candidate.len : nearest->wanted.len;
    size_t most = longer / 3 < 1 ? 1 : longer / 3;
    size_t distance = edit_distance(nearest->wanted, candidate);
    if (distance <= most && is_nearer(nearest, candidate, distance)) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
