/* A copy of the store while it is in use: see sqlite_copy.h. The store's thread makes it between groups, in steps that
 * are small while there is much to do. */
#ifndef PROXY_STORE_STORE_COPY_H
#define PROXY_STORE_STORE_COPY_H

#include "proxy/store/store.h"

struct store_copying;

/* A member of the caller's object: it belongs to the store from store_copy_begin() until done(). */
struct store_copy {
    const char *path;
    bool replace; /* a file of that name, but never the store itself */
    struct loop *loop;
    void (*done)(struct store_copy *copy); /* on the loop's thread */
    enum err err;                          /* for done(): as sqlite_copy_begin() */
    struct err_detail detail;
    struct store_copying *copying; /* the store's */
};

/* ERR_BUSY: another copy is being made; ERR_INVALID: the store is in memory. With detail. Where the store is closed
 * first, done() tells ERR_CLOSED. */
enum err store_copy_begin(struct store *store, struct store_copy *copy, struct err_detail *detail) MUST_USE;

#endif
