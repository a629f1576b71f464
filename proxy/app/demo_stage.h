/* Where the demo is played: a folder of its own with a flag file, two consumers in this process, and the proxy as a
 * child process, as it would run anywhere.
 *
 * One thread; every function turns the stage's loop while it waits, so that the consumers answer meanwhile. */
#ifndef PROXY_APP_DEMO_STAGE_H
#define PROXY_APP_DEMO_STAGE_H

#include "common/err.h"
#include "common/httpc.h"
#include "proxy/model/message.h"

struct demo_stage;

/* A consumer received a request with that body. */
typedef void demo_stage_received(enum endpoint endpoint, struct str body, void *arg);

/* Starts everything and waits until the proxy is ready. On an error what was started is ended. The errors of all
 * functions here come with detail; ERR_CLOSED: the proxy has ended, or somebody wants the demo to end. */
enum err demo_stage_open(demo_stage_received *received, void *arg, struct demo_stage **stage,
                         struct err_detail *detail) MUST_USE;
const char *demo_stage_folder(const struct demo_stage *stage);
const char *demo_stage_flags_path(const struct demo_stage *stage);
const char *demo_stage_public_address(const struct demo_stage *stage); /* "127.0.0.1:8080" */
const char *demo_stage_admin_address(const struct demo_stage *stage);
const char *demo_stage_sink_address(const struct demo_stage *stage, enum endpoint endpoint);

/* Posts a body to the proxy. */
enum err demo_stage_send(struct demo_stage *stage, const struct http_header *headers, size_t count, struct str body,
                         int *status, struct err_detail *detail) MUST_USE;
/* Waits until the proxy has the flag file as it is now in force. */
enum err demo_stage_await_flag(struct demo_stage *stage, struct str flag, bool on, struct err_detail *detail) MUST_USE;
/* Waits until the proxy has nothing left to deliver. */
enum err demo_stage_settle(struct demo_stage *stage, struct err_detail *detail) MUST_USE;

/* Ends the proxy as SIGTERM does, and removes the folder unless it shall be kept. False where the proxy did not end
 * in order. */
bool demo_stage_close(struct demo_stage *stage, bool keep);

#endif
