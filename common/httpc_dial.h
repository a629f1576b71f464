/* A connection that libcurl makes: names, addresses in turn, TLS with its certificates. Part of httpc.
 *
 * A dial has a curl handle and a multi of its own. Curl looks after the connections of a multi whenever it opens
 * another one there, and closes those that are old or have input waiting, also when they were handed out with
 * CURLOPT_CONNECT_ONLY: a multi that is shared would cut off answers on their way. TLS sessions are shared.
 * Names are not: each multi looks them up and keeps their addresses in an order of its own, so that dials spread over
 * the addresses of a name.
 */
#ifndef COMMON_HTTPC_DIAL_H
#define COMMON_HTTPC_DIAL_H

#include "common/err.h"
#include "common/loop.h"
#include "common/str.h"
#include "common/trust.h"

#include <curl/curl.h>

struct httpc_dialer; /* what the dials of one client share */
struct httpc_dial;

struct httpc_dial_options {
    const char *origin; /* "https://example.org:8443" */
    int64_t timeout_ms;
    curl_opensocket_callback open_socket; /* NULL: curl's own */
    void *open_arg;
};

/* Called once, from the loop; until then nothing else but ending it may be done with the dial. */
typedef void httpc_dialed(struct httpc_dial *dial, CURLcode result, void *arg);

struct httpc_dialer *httpc_dialer_new(struct loop *loop, struct trust *trust) MUST_USE; /* one more user of the trust */
void httpc_dialer_free(struct httpc_dialer *dialer); /* it lives on until its dials have ended */

/* ERR_INVALID: curl does not take these options. They are needed during the call only. */
enum err httpc_dial_begin(struct httpc_dialer *dialer, const struct httpc_dial_options *options, httpc_dialed *done,
                          void *arg, struct httpc_dial **dial) MUST_USE;

/* Closes what it has opened. Not from within curl's callbacks. */
void httpc_dial_end(struct httpc_dial *dial);

void httpc_dial_forget_opener(struct httpc_dial *dial);      /* `open_arg` is needed no more */
int httpc_dial_socket(const struct httpc_dial *dial);        /* of a dial that succeeded; still curl's */
CURL *httpc_dial_curl(const struct httpc_dial *dial);        /* for curl_easy_send() and curl_easy_recv() */
const char *httpc_dial_error(const struct httpc_dial *dial); /* curl's words on what failed last; may be empty */
int httpc_dial_errno(const struct httpc_dial *dial);         /* of a connect() that failed; 0: none did */

#endif
