/* Memory of bodies under way. A sender can hold a body back before its last byte for as long as limits.request_ms, with
 * as many connections as he may have. So what is large asks for room before it grows; where there is none, the large
 * body goes that has stood still the longest, else one of the address that holds the most, and if none holds more than
 * the one that asks, that one. What is small passes until the last quarter of the budget is used up (arena_has_room()),
 * and no address gets more than half for large bodies. */
#include "common/httpd_conn.h"

#include "common/clock.h"

enum { LARGE = 64 * 1024, STEP = 128 * 1024, EIGHTHS_OF_ONE = 4, STILL_US = 1000 * 1000 };

static bool is_large(const struct httpd_conn *conn) {
    return conn->parser.content_length > LARGE || arena_held(conn->arena) > LARGE;
}

static bool is_victim(const struct httpd_conn *conn) {
    return conn->state == HTTPD_READING && !conn->is_stepping && arena_held(conn->arena) > LARGE;
}

/* Of large bodies that are being read, and of which nothing came for a second. */
static struct httpd_conn *find_stillest(const struct httpd *httpd, const struct httpd_conn *but) {
    struct httpd_conn *stillest = NULL;
    int64_t since_us = clock_mono_us() - STILL_US;
    for (struct httpd_conn *conn = httpd->conns; conn != NULL; conn = conn->next)
        if (conn != but && is_victim(conn) && conn->read_us < since_us) {
            stillest = conn;
            since_us = conn->read_us;
        }
    return stillest;
}

/* Of large bodies that are being read, one of the address that holds the most, if that is more than `but` would. */
static struct httpd_conn *find_greediest(const struct httpd *httpd, const struct httpd_conn *but) {
    struct httpd_conn *greediest = NULL;
    size_t most = crowd_held(but->guest) + 2 * STEP;
    for (struct httpd_conn *conn = httpd->conns; conn != NULL; conn = conn->next)
        if (is_victim(conn) && conn->guest != but->guest && crowd_held(conn->guest) > most) {
            greediest = conn;
            most = crowd_held(conn->guest);
        }
    return greediest;
}

static struct httpd_conn *find_victim(const struct httpd_conn *conn) {
    struct httpd_conn *still = find_stillest(conn->httpd, conn);
    return still != NULL ? still : find_greediest(conn->httpd, conn);
}

static bool has_room(const struct httpd_conn *conn) {
    return arena_has_room(conn->arena, is_large(conn) ? STEP : 0);
}

bool httpd_memory_allows(struct httpd_conn *conn) {
    const struct budget *budget = conn->httpd->options.budget;
    struct httpd_conn *victim;
    if (budget == NULL)
        return true;
    while (!has_room(conn) && (victim = find_victim(conn)) != NULL) {
        httpd_answer_error(victim, 503, "its memory was needed for other bodies; send it again");
        httpd_conn_advance(victim);
    }
    if (is_large(conn) && crowd_held(conn->guest) > budget->most / 8 * EIGHTHS_OF_ONE)
        return false;
    return has_room(conn);
}

void httpd_memory_count(struct httpd_conn *conn, bool is_over) {
    size_t held = is_over || conn->arena == NULL ? 0 : arena_held(conn->arena);
    if (conn->httpd->options.budget == NULL || (held <= LARGE && conn->held == 0))
        return;
    crowd_hold(conn->guest, (ptrdiff_t)held - (ptrdiff_t)conn->held);
    conn->held = held;
}

void httpd_memory_count_kept(struct httpd_conn *conn) {
    struct budget *budget = conn->httpd->options.budget;
    size_t now = conn->kept.capacity, before = conn->kept_counted;
    if (budget == NULL || now == before)
        return;
    if (now > before)
        budget_take(budget, now - before);
    else
        budget_give(budget, before - now);
    conn->kept_counted = now;
}
