/* Which connections the client uses again, which not, and which of its requests it sends a second time: against a
 * server that plays a script. Lines of it are taken one by one, for each request that arrives on whichever connection.
 */
#include "tests/unit/httpc_fixture.h"

#include "common/clock.h"

#define ANSWER(head) BYTES("HTTP/1.1 200 OK\r\n" head "Content-Length: 2\r\n\r\nok")

enum { LARGE_LEN = 16 << 20 };

enum ending { STAYS, ENDS, RESETS, ENDS_SENDING, IGNORES /* all of the request but its first bytes */ };

struct line {
    struct str answer;
    enum ending ending;
};

struct play;

struct player {
    struct play *play;
    struct event *event;
    int fd;
    size_t requests;
    bool client_has_ended;
};

struct play {
    struct fixture *fixture;
    struct listener *listener;
    const struct line *script;
    size_t lines, line;
    struct player players[MOST_CALLS];
    size_t player_count;
};

static void end_player(struct player *player, bool resets) {
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (player->event == NULL)
        return;
    if (resets)
        setsockopt(player->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    event_free(player->event);
    close(player->fd);
    player->event = NULL;
}

static void play_line(struct player *player) {
    struct play *play = player->play;
    assert_true(play->line < play->lines);
    const struct line *line = &play->script[play->line++];
    if (line->answer.len > 0)
        assert_int_equal(send(player->fd, line->answer.at, line->answer.len, MSG_NOSIGNAL), line->answer.len);
    if (line->ending == ENDS || line->ending == RESETS)
        end_player(player, line->ending == RESETS);
    else if (line->ending == ENDS_SENDING)
        shutdown(player->fd, SHUT_WR);
    else if (line->ending == IGNORES)
        event_del(player->event);
}

/* Requests are small and come in one piece; of a large one the first piece is enough to be answered. */
static void player_on_readable(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    struct player *player = arg;
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        player->client_has_ended = true;
        end_player(player, false);
        return;
    }
    player->requests++;
    play_line(player);
}

static void play_on_accept(int fd, const struct netaddr *peer, bool refuse, void *arg) {
    (void)peer;
    struct play *play = arg;
    assert_false(refuse);
    assert_true(play->player_count < MOST_CALLS);
    struct player *player = &play->players[play->player_count++];
    *player = (struct player){.play = play, .fd = fd};
    player->event = event_new(loop_base(play->fixture->loop), fd, EV_READ | EV_PERSIST, player_on_readable, player);
    event_add(player->event, NULL);
}

static struct play *begin_play(struct fixture *fixture, const struct line *script, size_t lines) {
    struct play *play = MEM_NEW(struct play);
    *play = (struct play){.fixture = fixture, .script = script, .lines = lines};
    const struct listener_options options = {
        .loop = fixture->loop, .address = "127.0.0.1:0", .on_accept = play_on_accept, .arg = play};
    assert_int_equal(listener_open(&options, &play->listener, NULL), ERR_NONE);
    return play;
}

static void end_play(struct play *play) {
    assert_int_equal(play->line, play->lines);
    for (size_t i = 0; i < play->player_count; i++)
        end_player(&play->players[i], false);
    listener_close(play->listener);
    mem_free(play);
}

static struct result *ask(struct play *play) {
    struct result *result = send_to(play->fixture, netaddr_port(listener_address(play->listener)), "/");
    wait_all(play->fixture);
    return result;
}

static bool first_client_has_ended(void *arg) {
    return ((struct play *)arg)->players[0].client_has_ended;
}

static void a_stale_connection_is_replaced(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct line script[] = {{ANSWER(""), STAYS}, {BYTES(""), i == 0 ? ENDS : RESETS}, {ANSWER(""), STAYS}};
        struct fixture *fixture = start(1 << 20);
        struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
        assert_int_equal(ask(play)->answer.status, 200);
        struct result *result = ask(play);
        assert_int_equal(result->answer.status, 200);
        assert_int_equal(result->count, 1);
        assert_int_equal(play->player_count, 2);
        assert_int_equal(play->players[0].requests, 2);
        assert_int_equal(play->players[1].requests, 1);
        end_play(play);
        stop(fixture);
    }
}

static void a_late_goodbye_is_no_answer(void **state) {
    (void)state;
    const struct str goodbye = STR("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    const struct line script[] = {
        {ANSWER(""), STAYS}, {goodbye, ENDS}, {ANSWER(""), STAYS}, {goodbye, ENDS}, {goodbye, ENDS}};
    struct fixture *fixture = start(1 << 20);
    struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(play)->answer.status, 200);
    assert_int_equal(play->player_count, 2);
    assert_int_equal(ask(play)->answer.status, 408); /* the second time it is one */
    assert_int_equal(play->player_count, 3);
    end_play(play);
    stop(fixture);
}

static void a_request_is_repeated_once_at_most(void **state) {
    (void)state;
    static const struct {
        struct line script[4];
        size_t lines, connections;
    } rows[] = {
        /* a connection that was just made is not stale */
        {{{BYTES(""), ENDS}}, 1, 1},
        {{{BYTES(""), RESETS}}, 1, 1},
        /* nor is the one that replaces a stale one */
        {{{ANSWER(""), STAYS}, {BYTES(""), ENDS}, {BYTES(""), ENDS}}, 3, 2},
        {{{ANSWER(""), STAYS}, {BYTES(""), RESETS}, {BYTES(""), RESETS}}, 3, 2},
        /* what was begun to be answered was received */
        {{{ANSWER(""), STAYS}, {BYTES("H"), ENDS}}, 2, 1},
        {{{ANSWER(""), STAYS}, {BYTES("HTTP/1.1 100 Continue\r\n\r\n"), ENDS}}, 2, 1},
        {{{ANSWER(""), STAYS}, {BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"), ENDS}}, 2, 1},
        {{{ANSWER(""), STAYS}, {BYTES("?"), STAYS}}, 2, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *fixture = start(1 << 20);
        struct play *play = begin_play(fixture, rows[i].script, rows[i].lines);
        struct result *result = NULL;
        for (size_t n = 0; n == 0 || (n == 1 && rows[i].lines > 1); n++)
            result = ask(play);
        assert_true(result->answer.err == ERR_CLOSED || result->answer.err == ERR_IO);
        assert_int_equal(result->count, 1);
        assert_int_equal(play->player_count, rows[i].connections);
        end_play(play);
        stop(fixture);
    }
}

/* What answered with a whole head is not asked again, and its connection is not used again. (fault 3.4) */
static void an_answer_whose_body_is_cut_short_is_one(void **state) {
    (void)state;
    static const struct line script[] = {
        {ANSWER(""), STAYS}, {BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), ENDS}, {ANSWER(""), STAYS}};
    struct fixture *fixture = start(1 << 20);
    struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
    for (size_t i = 0; i < ARRAY_LEN(script); i++) {
        struct result *result = ask(play);
        assert_int_equal(result->answer.status, 200);
        assert_int_equal(result->answer.note[0] != '\0', i == 1);
        assert_int_equal(play->player_count, i < 2 ? 1 : 2);
    }
    end_play(play);
    stop(fixture);
}

static void set_true(void *arg) {
    *(bool *)arg = true;
}

static bool is_true(void *arg) {
    return *(const bool *)arg;
}

/* A connection serves for its time, and then another one does: the name may have moved. (fault 3.2) */
static void a_connection_grows_too_old(void **state) {
    (void)state;
    static const struct line script[] = {{ANSWER(""), STAYS}, {ANSWER(""), STAYS}, {ANSWER(""), STAYS}};
    struct fixture *fixture = start(1 << 20);
    struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
    const struct httpc_options client = {
        .loop = fixture->loop, .max_idle_connections = 8, .max_answer_len = 1000, .connection_age_ms = 300};
    httpc_free(fixture->httpc);
    fixture->httpc = httpc_new(&client);
    int64_t due_us = clock_mono_us() + client.connection_age_ms * 1000;
    assert_int_equal(ask(play)->answer.status, 200);
    assert_int_equal(ask(play)->answer.status, 200);
    size_t before = play->player_count;
    assert_true(clock_mono_us() >= due_us || before == 1); /* a machine may be slow */
    bool is_over = false;
    struct loop_timer *timer = loop_timer_new(fixture->loop, set_true, &is_over);
    loop_timer_set(timer, client.connection_age_ms + 1);
    assert_true(loop_run_until(fixture->loop, is_true, &is_over, DEADLINE_MS));
    loop_timer_free(timer);
    assert_int_equal(ask(play)->answer.status, 200);
    assert_int_equal(play->player_count, before + 1);
    end_play(play);
    stop(fixture);
}

static void an_idle_connection_that_becomes_readable_is_dropped(void **state) {
    (void)state;
    static const struct line scripts[][2] = {
        {{ANSWER(""), ENDS_SENDING}, {ANSWER(""), STAYS}},
        {{BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 408 Request Timeout\r\n\r\n"), STAYS},
         {ANSWER(""), STAYS}},
        {{BYTES("HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx"), STAYS}, {ANSWER(""), STAYS}},
    };
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct fixture *fixture = start(1 << 20);
        struct play *play = begin_play(fixture, scripts[i], 2);
        assert_int_equal(ask(play)->answer.err, ERR_NONE);
        assert_true(loop_run_until(fixture->loop, first_client_has_ended, play, DEADLINE_MS));
        assert_int_equal(ask(play)->answer.status, 200);
        assert_int_equal(play->player_count, 2);
        assert_int_equal(play->players[0].requests, 1);
        end_play(play);
        stop(fixture);
    }
}

static void what_comes_later_unasked_is_no_answer(void **state) {
    (void)state;
    static const struct line script[] = {{ANSWER(""), STAYS}, {ANSWER(""), STAYS}};
    struct fixture *fixture = start(1 << 20);
    struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
    assert_int_equal(ask(play)->answer.status, 200);
    const struct str late = STR("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(send(play->players[0].fd, late.at, late.len, MSG_NOSIGNAL), late.len);
    assert_true(loop_run_until(fixture->loop, first_client_has_ended, play, DEADLINE_MS));
    assert_int_equal(ask(play)->answer.status, 200);
    assert_int_equal(play->player_count, 2);
    end_play(play);
    stop(fixture);
}

static void the_answer_decides_about_reuse(void **state) {
    (void)state;
    static const struct {
        struct str answer;
        bool is_reused;
    } rows[] = {
        {ANSWER(""), true},
        {ANSWER("Connection: close\r\n"), false},
        {ANSWER("Connection: Keep-Alive, Close\r\n"), false},
        {BYTES("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), false},
        {BYTES("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"), true},
        {BYTES("HTTP/1.1 204 No Content\r\n\r\n"), true},
        {BYTES("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), true},
        {BYTES("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), true},
        {BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer: x\r\n\r\n"), true},
        {BYTES("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
         false},
        {BYTES("HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
         true},
        {BYTES("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), true},
        {BYTES("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct line script[] = {{rows[i].answer, STAYS}, {ANSWER(""), STAYS}};
        struct fixture *fixture = start(1 << 20);
        struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
        struct result *result = ask(play);
        assert_int_equal(result->answer.err, ERR_NONE);
        assert_true(result->answer.body.len == 0 || str_eq(result->answer.body, STR("ok")));
        assert_int_equal(ask(play)->answer.status, 200);
        if (play->player_count != (rows[i].is_reused ? 1 : 2))
            fail_msg("row %zu: %zu connections", i, play->player_count);
        end_play(play);
        stop(fixture);
    }
}

static void the_newest_is_used_first_and_few_are_kept(void **state) {
    (void)state;
    struct line script[30];
    struct fixture *fixture = start(1 << 20); /* keeps 8 */
    for (size_t i = 0; i < ARRAY_LEN(script); i++)
        script[i] = (struct line){ANSWER(""), STAYS};
    struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
    for (int i = 0; i < 20; i++)
        send_to(fixture, netaddr_port(listener_address(play->listener)), "/");
    wait_all(fixture);
    assert_int_equal(play->player_count, 20);
    for (int i = 0; i < 10; i++)
        assert_int_equal(ask(play)->answer.status, 200);
    assert_int_equal(play->player_count, 20);
    size_t left = 0, most = 0;
    for (size_t i = 0; i < play->player_count; i++) {
        left += play->players[i].client_has_ended ? 0 : 1;
        most = play->players[i].requests > most ? play->players[i].requests : most;
    }
    assert_int_equal(left, 8);
    assert_int_equal(most, 11);
    end_play(play);
    stop(fixture);
}

static void names_are_resolved_and_do_not_share_with_addresses(void **state) {
    (void)state;
    static const struct line script[] = {{ANSWER(""), STAYS}, {ANSWER(""), STAYS}, {ANSWER(""), STAYS}};
    struct fixture *fixture = start(1 << 20);
    struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
    char url[100];
    snprintf(url, sizeof url, "http://localhost:%u?a=b#c", (unsigned)netaddr_port(listener_address(play->listener)));
    const struct httpc_request request = {
        .method = STR("GET"), .url = str_of(url), .timeout_ms = DEADLINE_MS, .connect_timeout_ms = DEADLINE_MS};
    for (int i = 0; i < 2; i++) {
        struct result *result = send_request(fixture, &request);
        wait_all(fixture);
        assert_int_equal(result->answer.status, 200);
    }
    assert_int_equal(play->player_count, 1);
    assert_int_equal(ask(play)->answer.status, 200);
    assert_int_equal(play->player_count, 2);
    end_play(play);
    stop(fixture);
}

/* It cannot have read the request: what it says is taken, and the connection is not used again. */
static void an_answer_may_come_before_the_request_is_sent(void **state) {
    (void)state;
    static const enum ending endings[] = {IGNORES, ENDS};
    char *body = mem_zalloc(LARGE_LEN);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        const struct line script[] = {
            {BYTES("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"), endings[i]}, {ANSWER(""), STAYS}};
        struct fixture *fixture = start(1 << 20);
        struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
        char url[100];
        snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)netaddr_port(listener_address(play->listener)));
        const struct httpc_request request = {.method = STR("POST"),
                                              .url = str_of(url),
                                              .body = str_slice(body, LARGE_LEN),
                                              .timeout_ms = DEADLINE_MS,
                                              .connect_timeout_ms = DEADLINE_MS};
        struct result *result = send_request(fixture, &request);
        wait_all(fixture);
        assert_int_equal(result->answer.err, ERR_NONE);
        assert_int_equal(result->answer.status, 413);
        assert_int_equal(ask(play)->answer.status, 200);
        assert_int_equal(play->player_count, 2);
        end_play(play);
        stop(fixture);
    }
    mem_free(body);
}

static void a_server_that_does_not_read_runs_out_of_time(void **state) {
    (void)state;
    static const struct line script[] = {{ANSWER(""), STAYS}, {BYTES(""), IGNORES}};
    struct fixture *fixture = start(1 << 20);
    struct play *play = begin_play(fixture, script, ARRAY_LEN(script));
    assert_int_equal(ask(play)->answer.status, 200); /* from here on it is connected */
    char url[100], *body = mem_zalloc(LARGE_LEN);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)netaddr_port(listener_address(play->listener)));
    const struct httpc_request request = {.method = STR("POST"),
                                          .url = str_of(url),
                                          .body = str_slice(body, LARGE_LEN),
                                          .timeout_ms = 100,
                                          .connect_timeout_ms = DEADLINE_MS};
    struct result *result = send_request(fixture, &request);
    wait_all(fixture);
    mem_free(body);
    assert_int_equal(result->answer.err, ERR_TIMEOUT);
    assert_string_equal(result->answer.what, "no answer within 100 ms");
    end_play(play);
    stop(fixture);
}

static void deadlines_of_many_calls_are_kept_apart(void **state) {
    (void)state;
    static const struct reply hang = {"hangs", BYTES(""), THEN_HANG, ERR_NONE, 0, "", NULL};
    static const int64_t timeouts_ms[] = {120, 40, 80, DEADLINE_MS, 60};
    struct fixture *fixture = start(1 << 20);
    char url[100];
    fixture->reply = &hang;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)netaddr_port(listener_address(fixture->bad)));
    for (size_t i = 0; i < ARRAY_LEN(timeouts_ms); i++) {
        const struct httpc_request request = {
            .method = STR("POST"), .url = str_of(url), .timeout_ms = timeouts_ms[i], .connect_timeout_ms = DEADLINE_MS};
        send_request(fixture, &request);
    }
    httpc_cancel(fixture->results[3].call);
    fixture->done++;
    wait_all(fixture);
    for (size_t i = 0; i < ARRAY_LEN(timeouts_ms); i++) {
        const struct result *result = &fixture->results[i];
        assert_int_equal(result->count, i == 3 ? 0 : 1);
        if (i != 3) {
            assert_int_equal(result->answer.err, ERR_TIMEOUT);
            assert_true(result->answer.duration_us >= timeouts_ms[i] * 1000);
        }
    }
    stop(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_connection_is_replaced),
        cmocka_unit_test(a_late_goodbye_is_no_answer),
        cmocka_unit_test(a_request_is_repeated_once_at_most),
        cmocka_unit_test(an_answer_whose_body_is_cut_short_is_one),
        cmocka_unit_test(a_connection_grows_too_old),
        cmocka_unit_test(an_idle_connection_that_becomes_readable_is_dropped),
        cmocka_unit_test(what_comes_later_unasked_is_no_answer),
        cmocka_unit_test(the_answer_decides_about_reuse),
        cmocka_unit_test(the_newest_is_used_first_and_few_are_kept),
        cmocka_unit_test(names_are_resolved_and_do_not_share_with_addresses),
        cmocka_unit_test(an_answer_may_come_before_the_request_is_sent),
        cmocka_unit_test(a_server_that_does_not_read_runs_out_of_time),
        cmocka_unit_test(deadlines_of_many_calls_are_kept_apart),
    };
    return cmocka_run_group_tests_name("httpc's connections", tests, init_curl, clear_curl);
}
