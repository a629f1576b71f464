/* The running proxy: builds all parts, turns the main loop, and takes them down again. */
#ifndef PROXY_APP_SERVE_H
#define PROXY_APP_SERVE_H

#include "proxy/model/settings.h"

/* Runs until SIGTERM or SIGINT; returns the exit status of the program. The arena is that of the settings. */
int serve_run(struct settings *settings, struct arena *arena);

#endif
