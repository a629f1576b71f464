/* The proxy of the demo: this very program, started as a process of its own, as it would run anywhere. */
#ifndef PROXY_APP_DEMO_PROXY_H
#define PROXY_APP_DEMO_PROXY_H

#include "common/arena.h"
#include "common/err.h"

#include <sys/types.h>

struct demo_proxy {
    struct arena *arena; /* of the caller: texts live in it */
    struct str log_path;
    struct str public_address, admin_address; /* "127.0.0.1:8080"; known once it listens */
    pid_t pid;                                /* 0: none */
    int status;                               /* of waitpid(), when it has ended */
};

/* Starts `hookshift serve` with these settings (KEY=VALUE) and nothing of the environment; its log goes to a file. */
enum err demo_proxy_start(struct demo_proxy *proxy, struct arena *arena, struct str log_path,
                          const struct str *settings, size_t count, struct err_detail *detail) MUST_USE;
bool demo_proxy_has_ended(struct demo_proxy *proxy); /* also where there never was one */
/* Reads both addresses from its log. False: it has not told them yet. */
bool demo_proxy_find_addresses(struct demo_proxy *proxy);
/* Asks it to end. */
void demo_proxy_terminate(struct demo_proxy *proxy);
/* Ends it where it has not ended, without mercy. True where it had, in order. */
bool demo_proxy_reap(struct demo_proxy *proxy);
/* The end of its log, for a complaint. */
struct str demo_proxy_last_words(const struct demo_proxy *proxy);

#endif
