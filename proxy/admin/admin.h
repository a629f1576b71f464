/* The admin port: health, metrics, the API, and the page that shows them. On the loop it is given (the main thread's);
 * everything is called from there. */
#ifndef PROXY_ADMIN_ADMIN_H
#define PROXY_ADMIN_ADMIN_H

#include "common/loop.h"
#include "proxy/flow/service.h"

struct admin;

/* Listens on admin.listen of the service's settings, and asks for admin.token. ERR_DENIED where it would listen to more
 * than this machine without a token; else the errors of httpd_new(). The service must outlive it, and its workers too.
 */
enum err admin_new(struct service *service, struct loop *loop, struct admin **admin,
                   struct err_detail *detail) MUST_USE;
const char *admin_address(const struct admin *admin); /* "127.0.0.1:9090" */

/* The workers listen (or no longer do): without it /readyz says no. */
void admin_set_listening(struct admin *admin, bool listening);

/* How the last load of the flag file went; `detail` says why it was refused, NULL where it was not. */
void admin_note_reload(struct admin *admin, const struct err_detail *detail);

/* What /readyz says. */
bool admin_is_ready(struct admin *admin);
/* Do all loops turn? (For a watchdog.) */
bool admin_is_alive(const struct admin *admin);

/* When the loops of the workers no longer run, and after store_close(); before loop_free() of its own. */
void admin_free(struct admin *admin); /* NULL is fine */

#endif
