/* A consumer for trying things out: takes every request, answers what it was told to, and shows what it got.
 *
 * Lives on one loop; everything is called from its thread. */
#ifndef PROXY_APP_SINK_H
#define PROXY_APP_SINK_H

#include "common/err.h"
#include "common/httpd.h"

struct sink;

/* Called before the request is answered; `status` is what it will be answered with. */
typedef void sink_on_request(const struct http_request *request, int status, void *arg);

struct sink_options {
    struct loop *loop;
    const char *listen;  /* as in httpd_options */
    int status;          /* 200 to 599 */
    int64_t delay_ms;    /* before each answer */
    uint64_t fail_first; /* so many requests are answered 503 first */
    sink_on_request *on_request;
    void *arg;
};

/* The errors of httpd_new(). */
enum err sink_new(const struct sink_options *options, struct sink **sink, struct err_detail *detail) MUST_USE;
const char *sink_address(const struct sink *sink);   /* "127.0.0.1:8081" */
void sink_set_status(struct sink *sink, int status); /* for requests that come from now on */
void sink_free(struct sink *sink);                   /* answers what waits for its delay with 503; NULL is fine */

/* One line of JSON about a request: time, method, path, headers, body (as JSON where it is), status. */
void sink_print(struct strbuf *out, const struct http_request *request, int status);

#endif
