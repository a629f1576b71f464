/* The flag file while the proxy runs: read, checked, swapped in whole, or left alone. On the main loop. */
#ifndef PROXY_APP_RELOAD_H
#define PROXY_APP_RELOAD_H

#include "proxy/flow/service.h"

struct reload;

/* Reads the file for the first time and makes service->snapshots. ERR_* with all problems, one a line. */
enum err reload_first(struct service *service, struct strbuf *problems) MUST_USE;
/* How a later reading went; `detail` says why the file was refused, NULL where it was not. */
typedef void reload_done(void *arg, const struct err_detail *detail);
/* Watches the file from now on. */
struct reload *reload_new(struct service *service, struct loop *loop, reload_done *done, void *arg) MUST_USE;
void reload_free(struct reload *reload); /* NULL is fine */
/* Reads it now, whatever the watch says (SIGHUP). */
void reload_now(struct reload *reload);

#endif
