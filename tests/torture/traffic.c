#include "tests/torture/traffic.h"

#include "common/clock.h"
#include "proxy/decide/signature.h"
#include "tests/model/must.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEND_MS = 3000, SEND_AGAIN_MS = 8, READ_MAX = 16384 };

int number_at(const char *text) {
    return (int)strtol(text, NULL, 10);
}

void traffic_end(struct peer *peer) {
    close(peer->fd);
    peer->fd = -1;
    strbuf_clear(&peer->in);
}

static struct peer *add_peer(struct stage *stage, int fd) {
    for (int i = 0; i < PEERS_MAX; i++)
        if (stage->peers[i].fd < 0) {
            stage->peers[i] = (struct peer){.fd = fd, .letter = NO_LETTER, .ends_us = INT64_MAX};
            return &stage->peers[i];
        }
    close(fd); /* it has to come again */
    return NULL;
}

static void say(int fd, struct str text) {
    ssize_t sent = send(fd, text.at, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* the other side may be gone, which reading tells */
}

static struct peer *call(struct stage *stage, int port, struct str request) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return NULL;
    }
    struct peer *peer = add_peer(stage, fd);
    if (peer == NULL)
        return NULL;
    say(fd, request);
    peer->is_sender = true;
    peer->ends_us = clock_mono_us() + (int64_t)SEND_MS * 1000;
    return peer;
}

static void sign(struct strbuf *request, const struct signature_key *key, const struct letter *letter, int64_t now_s) {
    struct arena *arena = arena_new(0);
    struct str signature = signature_sign(key, str_of(letter->key), now_s, str_of(letter->body), arena);
    strbuf_printf(request, "webhook-timestamp: %lld\r\nwebhook-signature: " STR_FMT "\r\n", (long long)now_s,
                  STR_ARG(signature));
    arena_free(arena);
}

static void send_letter(struct stage *stage, int number) {
    struct letter *letter = &stage->letters[number];
    struct strbuf request = {0};
    strbuf_printf(&request,
                  "POST /hooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                  "webhook-id: %s\r\n",
                  letter->key);
    if (stage->signs[letter->generation] != NULL)
        sign(&request, stage->signs[letter->generation], letter, (clock_wall_ms() + stage->clock_shift_ms) / 1000);
    strbuf_printf(&request, "Content-Length: %zu\r\n\r\n%s", strlen(letter->body), letter->body);
    struct peer *peer = call(stage, stage->port, strbuf_str(&request));
    strbuf_clear(&request);
    letter->is_sending = peer != NULL;
    letter->again_us = clock_mono_us() + (int64_t)SEND_AGAIN_MS * 1000;
    if (peer != NULL)
        peer->letter = number;
}

static void ask(struct stage *stage, const char *method, const char *target) {
    struct strbuf request = {0};
    strbuf_printf(&request,
                  "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nAuthorization: Bearer t\r\n"
                  "Content-Length: 0\r\n\r\n",
                  method, target, stage->admin_port);
    (void)call(stage, stage->admin_port, strbuf_str(&request));
    strbuf_clear(&request);
}

void stage_post(struct stage *stage, const char *target) {
    ask(stage, "POST", target);
}

void stage_get(struct stage *stage, const char *target) {
    ask(stage, "GET", target);
}

void traffic_send(struct stage *stage) {
    for (int i = 0; i < stage->letter_count && stage->pid > 0 && stage->is_sending; i++) {
        const struct letter *letter = &stage->letters[i];
        bool may = letter->after == NO_LETTER || stage->letters[letter->after].is_acked;
        if (may && !letter->is_acked && !letter->is_sending && clock_mono_us() >= letter->again_us)
            send_letter(stage, i);
    }
}

/* The answer is there, or will not come. */
void traffic_give_up(struct stage *stage, struct peer *peer) {
    struct str in = strbuf_str(&peer->in);
    if (peer->letter != NO_LETTER) {
        struct letter *letter = &stage->letters[peer->letter];
        bool whole = str_starts_with(in, STR("HTTP/1.1 ")) && str_find(in, STR("\r\n\r\n")) > 0;
        letter->status = whole ? number_at(in.at + 9) : 0;
        letter->is_sending = false;
        letter->is_acked = letter->is_acked || (letter->status >= 200 && letter->status <= 299);
        letter->refused += letter->status >= 200 && letter->status <= 299 ? 0 : 1;
        letter->turned_away += letter->status >= 400 && letter->status <= 499 && letter->status != 408 ? 1 : 0;
    }
    traffic_end(peer);
}

static struct letter *letter_of(struct stage *stage, struct str head) {
    ptrdiff_t at = str_find(head, STR("msg_"));
    int number = at < 0 ? NO_LETTER : number_at(head.at + at + 4);
    return number >= 0 && number < stage->letter_count ? &stage->letters[number] : NULL;
}

static void consume(struct stage *stage, struct peer *peer, struct str head) {
    struct letter *letter = letter_of(stage, head);
    MUST(letter != NULL);
    char answer[64];
    int e = (int)peer->endpoint, life = number_at(head.at + strlen("POST /"));
    letter->attempts[e]++;
    int status = stage->answer(stage, peer->endpoint, letter);
    if (status >= 200 && status <= 299) {
        letter->repeated_in_life += letter->delivered[e] > 0 && letter->last_life[e] == life ? 1 : 0;
        letter->delivered[e]++;
        letter->last_life[e] = life;
    }
    snprintf(answer, sizeof answer, "HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n", status);
    say(peer->fd, str_of(answer));
}

/* All requests that are there as a whole. */
static void consume_all(struct stage *stage, struct peer *peer) {
    struct str rest = strbuf_str(&peer->in);
    for (ptrdiff_t head; (head = str_find(rest, STR("\r\n\r\n"))) >= 0;) {
        if (str_find(str_slice(rest.at, (size_t)head), str_of(strrchr(stage->folder, '/'))) < 0) {
            traffic_end(peer); /* a stranger, who looks for somebody else */
            return;
        }
        ptrdiff_t at = str_find(rest, STR("ontent-Length: "));
        MUST(at >= 0 && at < head);
        size_t len = (size_t)head + 4 + (size_t)number_at(rest.at + at + 15);
        if (rest.len < len)
            break;
        consume(stage, peer, str_slice(rest.at, (size_t)head));
        rest = str_from(rest, len);
    }
    struct strbuf left = {0};
    strbuf_append(&left, rest);
    strbuf_clear(&peer->in);
    peer->in = left;
}

void traffic_serve(struct stage *stage, struct peer *peer) {
    char bytes[READ_MAX];
    ssize_t got = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        strbuf_append(&peer->in, str_slice(bytes, (size_t)got));
    if (got > 0 && !peer->is_sender)
        consume_all(stage, peer);
    else if (got <= 0 && peer->is_sender)
        traffic_give_up(stage, peer);
    else if (got <= 0)
        traffic_end(peer);
}

void traffic_accept(struct stage *stage, enum endpoint endpoint) {
    int fd = accept4(stage->listeners[endpoint], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct peer *peer = fd < 0 ? NULL : add_peer(stage, fd);
    if (peer != NULL)
        peer->endpoint = endpoint;
}
