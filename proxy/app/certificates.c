/* The files of one certificate are replaced one after the other, so that for a moment a key does not belong to its
 * certificate: what cannot be read is read again a second later, and complained about when that has not helped.
 *
 *     filewatch, SIGHUP ─► read_all() ── struct certificate_set ──post──► take_up() ──post──► each worker
 *     └────── thread "certificates" ──────┘                              └─ main loop ─┘
 *
 * A thread that hangs in a file system cannot be ended: when the process stops it is left behind and posts nothing any
 * more, which `is_left` says, under the lock that a post takes too. */
#include "proxy/app/certificates.h"

#include "common/filewatch.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/flow/worker.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { WATCHES_MOST = 2 + 3 * ENDPOINT_COUNT, AFTER_CHANGE_MS = 100, AGAIN_MS = 1000, AGAIN_MOST = 3, JOIN_MS = 500 };

struct certificates {
    struct service *service;
    struct loop *loop; /* the main one */
    pthread_t thread;
    pthread_mutex_t lock; /* guards is_left */
    bool is_left;
    struct loop *own; /* the thread's, from here on */
    struct loop_timer *timer;
    struct filewatch *watches[WATCHES_MOST];
    size_t watch_count;
    int failures;
};

/* What was read at one time. */
struct certificate_set {
    struct certificates *certificates;
    struct trust *trust[ENDPOINT_COUNT], *identity; /* NULL: no files are set, or they were refused */
    struct tls_context *tls;
    struct err_detail refused[ENDPOINT_COUNT], listen_refused; /* empty: was not */
    bool is_asked, has_refused;
};

static struct trust_files files_of(const struct endpoint_settings *endpoint) {
    return (struct trust_files){
        .ca = endpoint->ca_path.at, .cert = endpoint->client_cert_path.at, .key = endpoint->client_key_path.at};
}

static void read_endpoint(const struct settings *settings, enum endpoint endpoint, struct certificate_set *set) {
    const struct trust_files files = files_of(&settings->endpoints[endpoint]);
    if (files.ca == NULL && files.cert == NULL)
        return;
    if (trust_load(&files, &set->trust[endpoint], &set->refused[endpoint]) != ERR_NONE)
        set->has_refused = true;
}

static void read_listen(const struct settings *settings, struct certificate_set *set) {
    const struct trust_files files = {.cert = settings->tls_cert_path.at, .key = settings->tls_key_path.at};
    if (files.cert == NULL)
        return;
    enum err err = trust_load(&files, &set->identity, &set->listen_refused);
    if (err == ERR_NONE)
        err = tls_context_new(files.cert, files.key, &set->tls, &set->listen_refused);
    if (err == ERR_NONE)
        return;
    set->has_refused = true;
    trust_release(set->identity);
    set->identity = NULL;
}

static struct certificate_set *read_all(const struct settings *settings) {
    struct certificate_set *set = MEM_NEW(struct certificate_set);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        read_endpoint(settings, (enum endpoint)e, set);
    read_listen(settings, set);
    return set;
}

static void set_free(struct certificate_set *set) {
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        trust_release(set->trust[e]);
    trust_release(set->identity);
    tls_context_release(set->tls);
    mem_free(set);
}

enum err certificates_first(struct service *service, struct strbuf *problems) {
    struct certificate_set *set = read_all(service->settings);
    enum err err = set->has_refused ? ERR_INVALID : ERR_NONE;
    if (set->listen_refused.text[0] != '\0')
        strbuf_printf(problems, "listen.tls: %s\n", set->listen_refused.text);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        if (set->refused[e].text[0] != '\0')
            strbuf_printf(problems, "endpoints.%s: %s\n", endpoint_name((enum endpoint)e), set->refused[e].text);
    if (err == ERR_NONE) {
        memcpy(service->trust, set->trust, sizeof set->trust);
        service->identity = set->identity;
        service->tls = set->tls;
        mem_free(set);
    } else {
        set_free(set);
    }
    return err;
}

void certificates_clear(struct service *service) {
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        trust_release(service->trust[e]);
    trust_release(service->identity);
    tls_context_release(service->tls);
}

/* A worker is given something by a post to its loop. */
struct gift {
    struct worker *worker;
    struct tls_context *tls; /* NULL: it is a trust */
    struct trust *trust;
    enum endpoint endpoint;
};

static void give(void *arg) {
    struct gift *gift = arg;
    if (gift->tls != NULL)
        httpd_set_tls(gift->worker->httpd, gift->tls);
    else
        httpc_set_trust(gift->worker->httpc[gift->endpoint], gift->trust);
    tls_context_release(gift->tls);
    trust_release(gift->trust);
    mem_free(gift);
}

static void give_all(struct service *service, struct tls_context *tls, struct trust *trust, enum endpoint endpoint) {
    for (size_t i = 0; i < service->worker_count; i++) {
        struct gift *gift = MEM_NEW(struct gift);
        *gift = (struct gift){.worker = service->workers[i], .trust = trust_hold(trust), .endpoint = endpoint};
        if (tls != NULL)
            gift->tls = tls_context_hold(tls);
        loop_post(service->workers[i]->loop, give, gift);
    }
}

static void take_up_endpoint(struct service *service, struct certificate_set *set, enum endpoint endpoint) {
    struct trust *fresh = set->trust[endpoint];
    if (set->refused[endpoint].text[0] != '\0')
        LOG(LOG_ERROR, "certificate refused, the one in use stays", LOG_TEXTZ("endpoint", endpoint_name(endpoint)),
            LOG_TEXTZ("why", set->refused[endpoint].text));
    if (fresh == NULL)
        return;
    bool is_same = trust_is_same(fresh, service->trust[endpoint]);
    if (!is_same) {
        give_all(service, NULL, fresh, endpoint);
        set->trust[endpoint] = service->trust[endpoint]; /* freed with the set */
        service->trust[endpoint] = fresh;
    }
    if (!is_same || set->is_asked)
        LOG(LOG_INFO, is_same ? "certificate is as before" : "certificate loaded",
            LOG_TEXTZ("endpoint", endpoint_name(endpoint)));
}

static void take_up_listen(struct service *service, struct certificate_set *set) {
    if (set->listen_refused.text[0] != '\0')
        LOG(LOG_ERROR, "certificate refused, the one in use stays", LOG_TEXTZ("why", set->listen_refused.text));
    if (set->identity == NULL)
        return;
    bool is_same = trust_is_same(set->identity, service->identity);
    if (!is_same) {
        struct trust *identity = service->identity;
        struct tls_context *tls = service->tls;
        give_all(service, set->tls, NULL, ENDPOINT_LEGACY);
        service->identity = set->identity;
        service->tls = set->tls;
        set->identity = identity; /* freed with the set */
        set->tls = tls;
    }
    if (!is_same || set->is_asked)
        LOG(LOG_INFO, is_same ? "certificate is as before" : "certificate loaded",
            LOG_STR("file", service->settings->tls_cert_path));
}

/* On the main loop. */
static void take_up(void *arg) {
    struct certificate_set *set = arg;
    struct service *service = set->certificates->service;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        take_up_endpoint(service, set, (enum endpoint)e);
    take_up_listen(service, set);
    set_free(set);
}

static void read_and_post(struct certificates *certificates, bool is_asked) {
    struct certificate_set *set = read_all(certificates->service->settings);
    set->certificates = certificates;
    set->is_asked = is_asked;
    if (set->has_refused && !is_asked && ++certificates->failures < AGAIN_MOST) {
        loop_timer_set(certificates->timer, AGAIN_MS);
        set_free(set);
        return;
    }
    certificates->failures = 0;
    pthread_mutex_lock(&certificates->lock);
    bool is_left = certificates->is_left;
    if (!is_left)
        loop_post(certificates->loop, take_up, set);
    pthread_mutex_unlock(&certificates->lock);
    if (is_left)
        set_free(set);
}

static void on_timer(void *arg) {
    read_and_post(arg, false);
}

static void on_changed(void *arg) {
    struct certificates *certificates = arg;
    certificates->failures = 0;
    loop_timer_set(certificates->timer, AFTER_CHANGE_MS);
}

static void read_asked(void *arg) {
    read_and_post(arg, true);
}

void certificates_ask(struct certificates *certificates) {
    if (certificates != NULL)
        loop_post(certificates->own, read_asked, certificates);
}

static void watch(struct certificates *certificates, struct str path) {
    if (path.at != NULL)
        certificates->watches[certificates->watch_count++] =
            filewatch_new(certificates->own, path.at, FILEWATCH_POLL_MS, on_changed, certificates);
}

/* What changed since the first reading is seen now, what changes later by the watches. */
static void *certificates_main(void *arg) {
    struct certificates *certificates = arg;
    const struct settings *settings = certificates->service->settings;
    pthread_setname_np(pthread_self(), "certificates");
    watch(certificates, settings->tls_cert_path);
    watch(certificates, settings->tls_key_path);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        watch(certificates, settings->endpoints[e].ca_path);
        watch(certificates, settings->endpoints[e].client_cert_path);
        watch(certificates, settings->endpoints[e].client_key_path);
    }
    read_and_post(certificates, false);
    loop_run(certificates->own);
    for (size_t i = 0; i < certificates->watch_count; i++)
        filewatch_free(certificates->watches[i]);
    loop_timer_free(certificates->timer);
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct certificates *certificates) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&certificates->thread, NULL, certificates_main, certificates);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void clear(struct certificates *certificates) {
    loop_free(certificates->own);
    pthread_mutex_destroy(&certificates->lock);
    mem_free(certificates);
}

enum err certificates_new(struct service *service, struct loop *loop, struct certificates **certificates,
                          struct err_detail *detail) {
    *certificates = NULL;
    if (service->trust[ENDPOINT_LEGACY] == NULL && service->trust[ENDPOINT_NEW] == NULL && service->identity == NULL)
        return ERR_NONE;
    struct certificates *made = MEM_NEW(struct certificates);
    made->service = service;
    made->loop = loop;
    pthread_mutex_init(&made->lock, NULL);
    made->own = loop_new();
    made->timer = loop_timer_new(made->own, on_timer, made);
    int failed = start_thread(made);
    if (failed != 0) {
        loop_timer_free(made->timer);
        clear(made);
        return err_set(detail, ERR_IO, "cannot start a thread: %s", strerror(failed));
    }
    *certificates = made;
    return ERR_NONE;
}

void certificates_free(struct certificates *certificates) {
    struct timespec until;
    if (certificates == NULL)
        return;
    pthread_mutex_lock(&certificates->lock);
    certificates->is_left = true;
    pthread_mutex_unlock(&certificates->lock);
    loop_stop(certificates->own);
    loop_flush(certificates->loop); /* what it has posted */
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t nanoseconds = until.tv_nsec + JOIN_MS * INT64_C(1000000);
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    if (pthread_timedjoin_np(certificates->thread, NULL, &until) == 0)
        clear(certificates);
}
