/* Switching a consumer in the text of a flag file: one value changes, or one flag is added, and every other byte, key
 * order, comments and layout included, stays as it is. */
#ifndef PROXY_DECIDE_FLAGS_EDIT_H
#define PROXY_DECIDE_FLAGS_EDIT_H

#include "common/err.h"
#include "common/str.h"
#include "proxy/decide/flags.h"

/* Appends the new text to `out` (which may equal the old one). Where the flag has targeting, its rule decides before
 * the default does: ERR_DENIED, unless `force` is given, and then the rule stays. ERR_INVALID where the file is
 * refused by flags_load(), or the flag is not boolean, is broken or is DISABLED. The detail is one sentence. */
enum err flags_edit_switch(struct str text, enum consumer_flag flag, bool on, bool force, struct strbuf *out,
                           struct err_detail *detail) MUST_USE;

#endif
