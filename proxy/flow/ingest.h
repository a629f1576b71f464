/* The public port: a request becomes a message, is admitted, and is answered. */
#ifndef PROXY_FLOW_INGEST_H
#define PROXY_FLOW_INGEST_H

#include "proxy/flow/worker.h"

/* Handlers for httpd; `arg` is the struct worker. */
void ingest_on_request(struct httpd_exchange *exchange, void *arg);
void ingest_on_error(struct httpd_exchange *exchange, int status, const char *what, void *arg);

#endif
