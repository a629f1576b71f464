/* libcurl decides when, the loop waits:
 *
 *     httpc_dial_begin ─► curl_multi_add_handle ─► on_curl_timer, on_curl_socket: what curl wants to wait for
 *     on_socket, on_timer ─► curl_multi_socket_action ─► report ─► done()
 *
 * done() runs where curl is not at work, so that it may end the dial. Dials that have ended are kept for the next one:
 * a multi has descriptors of its own. */
#include "common/httpc_dial.h"

#include "common/fault.h"
#include "common/mem.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPARE_MOST = 4, NAME_KEPT_S = 2, SYSTEM_CA_KEPT_S = 60 };

struct watched {
    struct httpc_dial *dial;
    struct watched *next;
    struct event event;
    short what; /* 0: not watched */
};

struct httpc_dialer {
    struct loop *loop;
    CURLSH *share;
    struct trust *trust; /* NULL: the system's */
    struct httpc_dial *spare;
    size_t spare_count;
    size_t dial_count; /* begun and not ended */
    bool is_over;      /* goes with the last of them */
};

struct httpc_dial {
    struct httpc_dialer *dialer;
    struct httpc_dial *next; /* in `spare` */
    CURLM *multi;
    CURL *easy;
    struct loop_timer *timer;
    struct watched *watched;
    httpc_dialed *done; /* NULL: was called */
    void *arg;
    char error[CURL_ERROR_SIZE];
};

static NO_RETURN void give_up(void) {
    fputs("hookshift: libcurl has no memory for a connection, or is one without TLS\n", stderr);
    abort();
}

struct httpc_dialer *httpc_dialer_new(struct loop *loop, struct trust *trust) {
    struct httpc_dialer *dialer = MEM_NEW(struct httpc_dialer);
    dialer->loop = loop;
    dialer->trust = trust_hold(trust);
    dialer->share = curl_share_init();
    if (dialer->share == NULL ||
        curl_share_setopt(dialer->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
        give_up();
    return dialer;
}

static void dial_free(struct httpc_dial *dial) {
    curl_easy_cleanup(dial->easy);
    if (curl_multi_cleanup(dial->multi) != CURLM_OK)
        abort(); /* a handle is still inside */
    loop_timer_free(dial->timer);
    mem_free(dial);
}

void httpc_dialer_free(struct httpc_dialer *dialer) {
    dialer->is_over = true;
    while (dialer->spare != NULL) {
        struct httpc_dial *dial = dialer->spare;
        dialer->spare = dial->next;
        dial_free(dial);
    }
    dialer->spare_count = 0;
    if (dialer->dial_count > 0)
        return;
    if (curl_share_cleanup(dialer->share) != CURLSHE_OK)
        abort(); /* a handle still uses it */
    trust_release(dialer->trust);
    mem_free(dialer);
}

static void report(struct httpc_dial *dial) {
    int left;
    CURLMsg *message = curl_multi_info_read(dial->multi, &left);
    httpc_dialed *done = dial->done;
    if (message == NULL || done == NULL)
        return;
    dial->done = NULL;
    CURLcode result = FAULT("consumer.connect", ECONNREFUSED) ? CURLE_COULDNT_CONNECT : message->data.result;
    done(dial, result, dial->arg); /* the dial may be gone now */
}

static void run_curl(struct httpc_dial *dial, curl_socket_t fd, int mask) {
    int running;
    if (curl_multi_socket_action(dial->multi, fd, mask, &running) != CURLM_OK)
        abort(); /* wrong use or no memory: what curl(3) lists for it is nothing that could be mended */
    report(dial);
}

static void on_timer(void *arg) {
    run_curl(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg) {
    (void)multi;
    struct httpc_dial *dial = arg;
    if (timeout_ms < 0)
        loop_timer_cancel(dial->timer);
    else
        loop_timer_set(dial->timer, timeout_ms + 1); /* what is called a part of a millisecond early, curl forgets */
    return 0;
}

static void on_socket(evutil_socket_t fd, short what, void *arg) {
    struct watched *watched = arg;
    int mask = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    run_curl(watched->dial, fd, mask);
}

static void forget_socket(struct httpc_dial *dial, struct watched *watched) {
    struct watched **link = &dial->watched;
    if (watched == NULL)
        return;
    while (*link != watched)
        link = &(*link)->next;
    *link = watched->next;
    if (watched->what != 0)
        event_del(&watched->event);
    mem_free(watched);
}

static struct watched *begin_watching(struct httpc_dial *dial, curl_socket_t fd) {
    struct watched *watched = MEM_NEW(struct watched);
    watched->dial = dial;
    watched->next = dial->watched;
    dial->watched = watched;
    curl_multi_assign(dial->multi, fd, watched);
    return watched;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int wish, void *arg, void *socket_arg) {
    (void)easy;
    struct httpc_dial *dial = arg;
    struct watched *watched = socket_arg;
    if (wish == CURL_POLL_REMOVE) {
        forget_socket(dial, watched);
        return 0;
    }
    if (watched == NULL)
        watched = begin_watching(dial, fd);
    short what = (short)(((wish & CURL_POLL_IN) != 0 ? EV_READ : 0) | ((wish & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));
    if (watched->what == what)
        return 0;
    if (watched->what != 0)
        event_del(&watched->event);
    event_assign(&watched->event, loop_base(dial->dialer->loop), fd, (short)(what | EV_PERSIST), on_socket, watched);
    /* Where the system has no room to watch it, the dial ends by its timeout. */
    watched->what = what != 0 && event_add(&watched->event, NULL) == 0 ? what : 0;
    return 0;
}

static struct httpc_dial *dial_new(struct httpc_dialer *dialer) {
    struct httpc_dial *dial = MEM_NEW(struct httpc_dial);
    dial->dialer = dialer;
    dial->timer = loop_timer_new(dialer->loop, on_timer, dial);
    dial->multi = curl_multi_init();
    dial->easy = FAULT("consumer.dial", 0) ? NULL : curl_easy_init();
    if (dial->multi == NULL || dial->easy == NULL ||
        curl_multi_setopt(dial->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) != CURLM_OK ||
        curl_multi_setopt(dial->multi, CURLMOPT_SOCKETDATA, dial) != CURLM_OK ||
        curl_multi_setopt(dial->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) != CURLM_OK ||
        curl_multi_setopt(dial->multi, CURLMOPT_TIMERDATA, dial) != CURLM_OK)
        give_up();
    return dial;
}

static struct httpc_dial *take_spare(struct httpc_dialer *dialer) {
    struct httpc_dial *dial = dialer->spare;
    if (dial == NULL)
        return dial_new(dialer);
    dialer->spare = dial->next;
    dialer->spare_count--;
    return dial;
}

static CURLcode on_ssl_context(CURL *easy, void *ssl_context, void *trust) {
    (void)easy;
    return trust_apply(trust, ssl_context) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static bool set_options(struct httpc_dial *dial, const struct httpc_dial_options *options) {
    CURL *easy = dial->easy;
    curl_easy_reset(easy);
    bool failed = curl_easy_setopt(easy, CURLOPT_URL, options->origin) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_SHARE, dial->dialer->share) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, dial->error) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK; /* ending must not wait for a name server */
    failed |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK; /* in ALPN */
    failed |= curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAME_KEPT_S) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->timeout_ms) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, options->open_socket) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, options->open_arg) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)SYSTEM_CA_KEPT_S) != CURLE_OK;
    if (trust_has_ca(dial->dialer->trust)) { /* these vouch, and no others: curl would read the system's as well */
        failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) != CURLE_OK;
        failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK;
    }
    if (dial->dialer->trust != NULL) {
        failed |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context) != CURLE_OK;
        failed |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, dial->dialer->trust) != CURLE_OK;
    }
    return !failed;
}

static void put_back(struct httpc_dial *dial) {
    struct httpc_dialer *dialer = dial->dialer;
    if (dialer->is_over || dialer->spare_count == SPARE_MOST) {
        dial_free(dial);
        return;
    }
    dial->next = dialer->spare;
    dialer->spare = dial;
    dialer->spare_count++;
}

enum err httpc_dial_begin(struct httpc_dialer *dialer, const struct httpc_dial_options *options, httpc_dialed *done,
                          void *arg, struct httpc_dial **result) {
    struct httpc_dial *dial = take_spare(dialer);
    dial->error[0] = '\0';
    dial->done = done;
    dial->arg = arg;
    if (!set_options(dial, options)) {
        put_back(dial);
        return ERR_INVALID;
    }
    if (curl_multi_add_handle(dial->multi, dial->easy) != CURLM_OK)
        abort(); /* out of memory */
    dialer->dial_count++;
    *result = dial;
    return ERR_NONE;
}

void httpc_dial_end(struct httpc_dial *dial) {
    struct httpc_dialer *dialer = dial->dialer;
    dial->done = NULL;
    if (curl_multi_remove_handle(dial->multi, dial->easy) != CURLM_OK)
        abort(); /* a handle that curl holds on to would be used after it is gone */
    while (dial->watched != NULL)
        forget_socket(dial, dial->watched);
    loop_timer_cancel(dial->timer);
    put_back(dial);
    if (--dialer->dial_count == 0 && dialer->is_over)
        httpc_dialer_free(dialer);
}

void httpc_dial_forget_opener(struct httpc_dial *dial) {
    curl_easy_setopt(dial->easy, CURLOPT_OPENSOCKETFUNCTION, NULL);
    curl_easy_setopt(dial->easy, CURLOPT_OPENSOCKETDATA, NULL);
}

int httpc_dial_socket(const struct httpc_dial *dial) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(dial->easy, CURLINFO_ACTIVESOCKET, &fd);
    return fd;
}

CURL *httpc_dial_curl(const struct httpc_dial *dial) {
    return dial->easy;
}

const char *httpc_dial_error(const struct httpc_dial *dial) {
    return dial->error;
}

int httpc_dial_errno(const struct httpc_dial *dial) {
    long error = 0;
    curl_easy_getinfo(dial->easy, CURLINFO_OS_ERRNO, &error);
    return (int)error;
}
