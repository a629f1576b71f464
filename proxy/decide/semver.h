/* Versions as semver.org 2.0.0 orders them, written more freely: a leading "v" or "V", and minor and patch may be
 * missing ("1", "v1.2"), standing for 0. A version with a pre-release or build part must be complete. */
#ifndef PROXY_DECIDE_SEMVER_H
#define PROXY_DECIDE_SEMVER_H

#include "common/base.h"
#include "common/str.h"

struct semver {
    struct str numbers[3];  /* major, minor, patch: digits without leading zeros, of any length */
    struct str pre_release; /* without its "-"; empty where there is none */
};

bool semver_parse(struct str text, struct semver *version); /* false: not a version */

/* Precedence (semver.org, 11): negative, 0 or positive. Build parts do not count. */
int semver_compare(const struct semver *a, const struct semver *b);

/* Are the first `count` of major, minor, patch the same? */
bool semver_same(const struct semver *a, const struct semver *b, size_t count);

#endif
