/* From one type of value to another, and comparisons across types.
 *
 * jsonlogic.com's reference is written in JavaScript and leans on its `==`, `<`, Number(), parseFloat() and String();
 * rules can be moved between implementations only if these agree (ECMAScript 2023, sections named in the .c). */
#ifndef PROXY_DECIDE_LOGIC_COERCE_H
#define PROXY_DECIDE_LOGIC_COERCE_H

#include "proxy/decide/logic_value.h"

enum err logic_to_number(struct logic_work *work, struct logic_value value, double *number) MUST_USE; /* Number() */
enum err logic_parse_float(struct logic_work *work, struct logic_value value,
                           double *number) MUST_USE; /* parseFloat() */
enum err logic_to_string(struct logic_work *work, struct logic_value value, struct str *text) MUST_USE; /* String() */
bool logic_strictly_equal(const struct logic_value *a, const struct logic_value *b);                    /* === */
enum err logic_loosely_equal(struct logic_work *work, struct logic_value a, struct logic_value b,
                             bool *equal) MUST_USE; /* == */
/* a < b; with `or_equal`, a <= b. False where either is NaN. */
enum err logic_less(struct logic_work *work, struct logic_value a, struct logic_value b, bool or_equal,
                    bool *less) MUST_USE;

#endif
