/* One HTTP request, waited for: for commands, never for a loop's thread. */
#ifndef COMMON_HTTPC_ONCE_H
#define COMMON_HTTPC_ONCE_H

#include "common/arena.h"
#include "common/httpc.h"

/* Sends it on a connection of its own and reads the answer whole. As struct httpc does, this speaks http and https
 * only, follows no redirect, and asks no proxy. ERR_INVALID: the URL or a header is none. ERR_LIMIT: the answer is
 * longer than `max_len` bytes. ERR_TIMEOUT, ERR_CLOSED (nobody listens, or it hung up), ERR_IO. With detail. */
enum err httpc_once(struct arena *arena, const struct httpc_request *request, size_t max_len, int *status,
                    struct str *body, struct err_detail *detail) MUST_USE;

#endif
