/* Dials to the addresses of one name, one after the other and side by side (RFC 8305, section 5): an address that does
 * not answer costs a moment, not the whole time for connecting. Part of httpc. */
#ifndef COMMON_HTTPC_RACE_H
#define COMMON_HTTPC_RACE_H

#include "common/httpc_dial.h"

struct httpc_race;

/* Called once, from the loop. CURLE_OK: `dial` is connected and the callee's to end; the race is over and gone. Else
 * all have failed: `dial` is the first of them, for its words, and the callee ends the race. */
typedef void httpc_raced(struct httpc_dial *dial, CURLcode result, void *arg);

/* ERR_INVALID: curl does not take these options. What they refer to is needed until the race is over. */
enum err httpc_race_begin(struct loop *loop, struct httpc_dialer *dialer, const struct httpc_dial_options *options,
                          httpc_raced *done, void *arg, struct httpc_race **race) MUST_USE;
void httpc_race_end(struct httpc_race *race); /* before it is over: nobody is told */

#endif
