/* JavaScript's view of text and numbers: strings measured in UTF-16 units, numbers read and written as ECMAScript
 * does. Pure functions without allocation. */
#ifndef PROXY_DECIDE_LOGIC_TEXT_H
#define PROXY_DECIDE_LOGIC_TEXT_H

#include "common/base.h"
#include "common/str.h"

enum { LOGIC_NUMBER_TEXT_MAX = 32 };

size_t logic_utf16_len(struct str text);
int logic_utf16_compare(struct str a, struct str b); /* by UTF-16 units; negative, 0, positive */

/* The bytes of `text` that hold its UTF-16 units [start, start + count). `*cut_start` and `*cut_end` say that the
 * range begins or ends in the middle of a surrogate pair; the halves are not part of the answer. */
struct str logic_utf16_slice(struct str text, size_t start, size_t count, bool *cut_start, bool *cut_end);

struct str logic_trim(struct str text); /* white space and line ends as in String.prototype.trim */

/* Length of the longest prefix that is a StrDecimalLiteral ("-1.5e3", ".5", "+Infinity"); 0 where there is none. */
size_t logic_decimal_prefix(struct str text);

/* "0x1f", "0b101", "0o17"; false where the text has no such prefix or other digits. */
bool logic_radix_number(struct str text, double *number);

/* Number::toString (ECMA-262, 6.1.6.1.20) into `out`: "1", "0.1", "1e+21", "NaN", "-Infinity". */
struct str logic_number_text(double number, char out[LOGIC_NUMBER_TEXT_MAX]);

/* A canonical array index ("0", "12", not "01"); false otherwise. */
bool logic_array_index(struct str text, uint32_t *index);

#endif
