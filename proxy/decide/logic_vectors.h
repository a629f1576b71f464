/* Runs a file of JsonLogic cases in the form in which jsonlogic.com publishes its own: a list of [rule, data, result],
 * texts between them being comments. */
#ifndef PROXY_DECIDE_LOGIC_VECTORS_H
#define PROXY_DECIDE_LOGIC_VECTORS_H

#include "common/err.h"
#include "common/json.h"

/* `*holds`: does the rule, applied to the data, give that? Results are compared as JSON would have them: what JSON
 * cannot say (undefined, NaN, the infinities) is null. Fails as logic_compile() and logic_apply(). */
enum err logic_case_run(const struct json *rule, const struct json *data, const struct json *expected, bool *holds,
                        struct err_detail *detail) MUST_USE;

struct logic_vectors_result {
    size_t passed, failed;
};

/* Appends a line for each case that failed. ERR_INVALID with detail: the file is not of that shape. */
enum err logic_vectors_run(struct str text, struct logic_vectors_result *result, struct strbuf *report,
                           struct err_detail *detail) MUST_USE;

#endif
