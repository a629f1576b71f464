/* The flag file while the proxy runs: read, checked, swapped in whole, or left alone; and outcomes that change with
 * time. On the main loop; the file is read by a thread of its own (flag_reader.h). */
#ifndef PROXY_APP_RELOAD_H
#define PROXY_APP_RELOAD_H

#include "proxy/flow/service.h"

struct reload;

/* Reads the file for the first time and makes service->snapshots. ERR_* with all problems, one a line. */
enum err reload_first(struct service *service, struct strbuf *problems) MUST_USE;
/* How a later reading went; `detail` says why the file was refused, or no longer seen; NULL: it is good. `is_asked`:
 * reload_now() led to it. */
typedef void reload_done(void *arg, const struct err_detail *detail, bool is_asked);
/* What else is read when somebody asks; on the reader's thread. NULL: nothing. */
typedef void reload_extra(void *arg);
/* Watches the file from now on. ERR_IO: no thread could be started. */
enum err reload_new(struct service *service, struct loop *loop, reload_done *done, reload_extra *extra, void *arg,
                    struct reload **reload, struct err_detail *detail) MUST_USE;
void reload_free(struct reload *reload); /* NULL is fine */
/* Reads it, whatever the watch says (SIGHUP). */
void reload_now(struct reload *reload);

#endif
