/* Runs a file of test vectors for signatures: known answers of other implementations. */
#ifndef PROXY_APP_SIGNATURE_VECTORS_H
#define PROXY_APP_SIGNATURE_VECTORS_H

#include "common/err.h"
#include "common/str.h"

/* A case on which implementations are known to differ ("divergence": true) counts as different, not as failed,
 * where the answer is not the expected one. */
struct vectors_result {
    size_t passed, failed, different;
};

/* The file is {"sign": [...], "verify": [...], "secrets": [...]}, each list optional. Appends one line for each case
 * that failed or differs. ERR_INVALID with detail: the file is not of that shape. */
enum err signature_vectors_run(struct str text, struct vectors_result *result, struct strbuf *report,
                               struct err_detail *detail) MUST_USE;

#endif
