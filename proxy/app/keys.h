/* Secrets of the settings as keys, each by the scheme of its generation. */
#ifndef PROXY_APP_KEYS_H
#define PROXY_APP_KEYS_H

#include "proxy/flow/service.h"

/* How the generation is signed, by the settings or else the catalogue. NULL with a line in `problems` where there is
 * no such scheme. */
const struct scheme *keys_scheme(const struct settings *settings, const struct catalog *catalog,
                                 enum generation generation, struct strbuf *problems);

/* Fills the rings of the service, whose catalogue and settings are there; keys_clear() frees them, also after an
 * error. One line for each problem. */
enum err keys_read(struct service *service, struct strbuf *problems) MUST_USE;
void keys_clear(struct service *service);

/* For `check`: reads them, and adds a warning for each key whose length is not what its standard asks for. */
bool keys_check(const struct settings *settings, const struct catalog *catalog, struct strbuf *problems);

#endif
