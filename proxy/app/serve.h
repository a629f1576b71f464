/* The running proxy: builds all parts, turns the main loop, and takes them down again. */
#ifndef PROXY_APP_SERVE_H
#define PROXY_APP_SERVE_H

#include "proxy/app/settings_watch.h"
#include "proxy/model/settings.h"

/* Runs until SIGTERM or SIGINT; returns the exit status of the program. The arena is that of the settings; `watch`,
 * which may be NULL, says on SIGHUP which settings were edited. */
int serve_run(struct settings *settings, struct settings_watch *watch, struct arena *arena);

#endif
