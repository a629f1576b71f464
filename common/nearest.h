/* The name that a person who mistyped one most likely meant. */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include "common/str.h"

struct nearest {
    struct str wanted, best; /* best: absent as long as nothing is near enough */
    size_t distance;         /* of the best */
};

/* Near enough is up to a third of the longer one's letters wrong, or one. */
void nearest_begin(struct nearest *nearest, struct str wanted);
void nearest_offer(
    struct nearest *nearest,
    struct str candidate); /* must stay valid; of equals the one with the longer common start, then the first */

/* Letters to insert, leave out, replace, or swap with their neighbour to make one text of the other, without regard
 * to the case of ASCII letters (optimal string alignment). SIZE_MAX for texts longer than 64 bytes. */
size_t edit_distance(struct str a, struct str b);

#endif
