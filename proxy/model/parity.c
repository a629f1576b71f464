/* Skews are kept as counts of powers of two: a quantile needs no list of all pairs, and is right within a factor of
 * two, which is all that anybody decides by. */
#include "proxy/model/parity.h"

void parity_counts_add(struct parity_counts *sum, const struct parity_counts *counts) {
    for (size_t i = 0; i < PARITY_NUMBERS; i++)
        sum->n[i] += counts->n[i];
    for (size_t i = 0; i < PARITY_SKEW_BINS; i++)
        sum->skew[i] += counts->skew[i];
    if (counts->skew_max_ms > sum->skew_max_ms)
        sum->skew_max_ms = counts->skew_max_ms;
    if (counts->last_unreplaced_ms > sum->last_unreplaced_ms)
        sum->last_unreplaced_ms = counts->last_unreplaced_ms;
}

int64_t parity_skew_ms(const struct parity_counts *counts, double share) {
    int64_t all = 0, below = 0;
    for (size_t i = 0; i < PARITY_SKEW_BINS; i++)
        all += counts->skew[i];
    if (all <= 0)
        return -1;
    int64_t wanted = (int64_t)((double)all * share);
    if ((double)wanted < (double)all * share || wanted == 0)
        wanted++;
    size_t bin = 0;
    while (bin + 1 < PARITY_SKEW_BINS && (below += counts->skew[bin]) < wanted)
        bin++;
    int64_t bound = (int64_t)1 << bin;
    bool is_last = bin + 1 == PARITY_SKEW_BINS; /* which has no upper bound */
    return !is_last && bound < counts->skew_max_ms ? bound : counts->skew_max_ms;
}
