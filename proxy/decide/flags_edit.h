/* Switching a consumer in the text of a flag file: one value changes, or one flag or rule is added, and every other
 * byte, key order, comments and layout included, stays as it is. */
#ifndef PROXY_DECIDE_FLAGS_EDIT_H
#define PROXY_DECIDE_FLAGS_EDIT_H

#include "common/err.h"
#include "common/str.h"
#include "proxy/decide/flags.h"

/* For everybody, or for a share and some companies: then the flag is the opposite for all others. */
struct flags_switch {
    enum consumer_flag flag;
    bool on, force;
    int percent;                 /* of the companies, 0 to 100; -1: no share */
    const struct str *companies; /* besides */
    size_t company_count;
};

/* Appends the new text to `out` (which may equal the old one). A rule that this function has written is replaced or
 * taken away. Any other rule decides before the default does: ERR_DENIED, unless `force` is given; then a switch for
 * everybody sets the default and leaves the rule, a switch for some replaces it. ERR_INVALID where the file is refused
 * by flags_load(), or the flag is not boolean, is broken or is DISABLED. The detail is one sentence. */
enum err flags_edit_switch(struct str text, const struct flags_switch *wanted, struct strbuf *out,
                           struct err_detail *detail) MUST_USE;

#endif
