/* On the store's thread, as its sweep is. */
#include "proxy/store/store_copy.h"

#include "proxy/store/sqlite_copy.h"
#include "proxy/store/store_internal.h"

enum { PAGES_IDLE = 256, PAGES_BUSY = 32 /* some hundred microseconds */ };

enum err store_copy_begin(struct store *store, struct store_copy *copy, struct err_detail *detail) {
    if (store->backend->forgets)
        return err_set(detail, ERR_INVALID, "the store is in memory: there is no file to copy");
    pthread_mutex_lock(&store->lock);
    bool is_busy = store->copy != NULL || store->is_closing;
    if (!is_busy) {
        copy->copying = NULL;
        copy->err = ERR_NONE;
        store->copy = copy;
        store->is_poked = true;
        pthread_cond_signal(&store->wake);
    }
    pthread_mutex_unlock(&store->lock);
    return is_busy ? err_set(detail, ERR_BUSY, "another copy is being made") : ERR_NONE;
}

static void on_done(void *arg) {
    struct store_copy *copy = arg;
    copy->done(copy);
}

static void finish(struct store *store, struct store_copy *copy) {
    pthread_mutex_lock(&store->lock);
    store->copy = NULL;
    pthread_mutex_unlock(&store->lock);
    loop_post(copy->loop, on_done, copy);
}

bool store_copy_step(struct store *store, bool is_busy) {
    pthread_mutex_lock(&store->lock);
    struct store_copy *copy = store->copy;
    pthread_mutex_unlock(&store->lock);
    if (copy == NULL)
        return false;
    bool done = false;
    if (copy->copying == NULL)
        copy->err = sqlite_copy_begin(store->backend, copy->path, copy->replace, &copy->copying, &copy->detail);
    else
        copy->err = sqlite_copy_step(copy->copying, is_busy ? PAGES_BUSY : PAGES_IDLE, &done, &copy->detail);
    if (copy->err == ERR_NONE && !done)
        return true;
    finish(store, copy);
    return false;
}

void store_copy_end(struct store *store) {
    pthread_mutex_lock(&store->lock);
    struct store_copy *copy = store->copy;
    pthread_mutex_unlock(&store->lock);
    if (copy == NULL)
        return;
    if (copy->copying != NULL)
        sqlite_copy_drop(copy->copying);
    copy->err = err_set(&copy->detail, ERR_CLOSED, "the proxy is stopping");
    finish(store, copy);
}
