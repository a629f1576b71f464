/* Certificates and keys while the proxy runs: of the public port, and of what is sent to the consumers. Read and
 * watched on a thread of its own, since a file system that does not answer must block nobody else; taken up on the main
 * loop. */
#ifndef PROXY_APP_CERTIFICATES_H
#define PROXY_APP_CERTIFICATES_H

#include "proxy/flow/service.h"

/* Reads all of them for the first time into the service; ERR_* with all problems, one a line. */
enum err certificates_first(struct service *service, struct strbuf *problems) MUST_USE;
void certificates_clear(struct service *service);

struct certificates;

/* Watches the files from now on; NULL where the settings name none. ERR_IO: no thread. */
enum err certificates_new(struct service *service, struct loop *loop, struct certificates **certificates,
                          struct err_detail *detail) MUST_USE;
void certificates_free(struct certificates *certificates); /* before the workers go; NULL is fine */
/* Reads them now (SIGHUP); the log tells how it went. NULL is fine. */
void certificates_ask(struct certificates *certificates);

#endif
