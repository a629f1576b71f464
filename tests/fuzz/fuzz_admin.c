/* Any bytes to the private port of a proxy with two messages: each request is answered in HTTP, no answer holds a
 * secret of the settings, and without the token none holds a body. */
#include "common/httpd_conn.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/admin/call.h"
#include "proxy/app/reload.h"
#include "proxy/app/setup.h"
#include "proxy/decide/classify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN     "token-of-the-admin-port"
#define SECRET    "whsec_c2VjcmV0LXRoYXQtbm9ib2R5LXNob3dz"
#define AUTH      "Basic bm9ib2R5LXNob3dz"
#define IN_HEADER "value-of-a-secret-header"
#define IN_BODY   "text-of-a-body"

enum { WITHIN_MS = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct service service;
static struct settings settings;
static struct admin *admin;
static struct loop *loop;
static struct arena *lasting; /* as long as the process, and so known to the search for leaks */

static void require(bool holds) {
    if (!holds)
        abort();
}

struct arrival {
    struct store_job job;
    struct arena *arena;
    const char *body;
    bool is_done;
};

static enum err admit(struct ledger *ledger, struct store_job *job) {
    struct arrival *arrival = CONTAINER_OF(job, struct arrival, job);
    struct message *message = ARENA_NEW(arrival->arena, struct message);
    struct str body = str_of(arrival->body);
    require(classify(service.catalog, body, arrival->arena, message, NULL) == ERR_NONE);
    message->webhook_id = STR("msg_1");
    message->received_ms = message->time_ms = service.started_ms;
    message->target = STR("/hooks");
    struct admit_request request = {.message = message,
                                    .content = {STR("Authorization: " IN_HEADER "\n"), body},
                                    .now_ms = service.started_ms,
                                    .promise = true};
    struct admission admission;
    return ledger_admit(ledger, arrival->arena, &request, &admission);
}

static void on_admitted(struct store_job *job) {
    require(job->err == ERR_NONE);
    CONTAINER_OF(job, struct arrival, job)->is_done = true;
}

static bool is_admitted(void *arg) {
    return ((struct arrival *)arg)->is_done;
}

static void receive(const char *body) {
    struct arrival arrival = {
        .job = {.run = admit, .done = on_admitted, .loop = loop}, .arena = arena_new(0), .body = body};
    store_submit(service.store, &arrival.job);
    require(loop_run_until(loop, is_admitted, &arrival, 10 * WITHIN_MS));
    arena_free(arrival.arena);
}

static void release(void *flags) {
    snapshot_release(flags);
}

static void read_settings(const char *flags_path) {
    static char flags[128];
    snprintf(flags, sizeof flags, "flags.file=%s", flags_path);
    const char *assignments[] = {flags,
                                 "endpoints.legacy.url=http://127.0.0.1:1",
                                 "endpoints.new.url=http://127.0.0.1:1",
                                 "store.url=memory:",
                                 "admin.listen=127.0.0.1:0",
                                 "admin.token=" TOKEN,
                                 "verify.rule_authorizations=" AUTH,
                                 "verify.event_secrets=" SECRET,
                                 "endpoints.new.secrets=" SECRET,
                                 "endpoints.new.headers={\"X-Key\": \"" IN_HEADER "\"}"};
    const struct opt_problem *problems;
    require(settings_load(
                lasting,
                &(struct settings_sources){.assignments = assignments, .assignment_count = ARRAY_LEN(assignments)},
                &settings, &problems) == ERR_NONE);
}

/* Once for the process; it ends with it. */
static void set_up(void) {
    static const char flags[] = "{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"on\":true},"
                                "\"defaultVariant\":\"on\"}}}";
    char path[] = "/tmp/hookshift-fuzz-XXXXXX";
    struct strbuf problems = {0};
    struct err_detail detail;
    int fd = mkstemp(path);
    require(fd >= 0 && write(fd, flags, strlen(flags)) == (ssize_t)strlen(flags) && close(fd) == 0);
    log_set(LOG_ERROR, LOG_TEXT);
    lasting = arena_new(0);
    read_settings(path);
    require(setup_service(&settings, lasting, &service, &problems) == ERR_NONE);
    service.worker_count = 0; /* nothing is received or delivered */
    require(reload_first(&service, &problems) == ERR_NONE && unlink(path) == 0);
    strbuf_clear(&problems); /* what is warned of */
    struct ledger_policy policy = setup_policy(&service);
    const struct store_options options = {.url = settings.store_url.at,
                                          .policy = &policy,
                                          .flag = snapshot_consumer_on,
                                          .flags = snapshot_slot_get(service.snapshots),
                                          .release = release};
    require(store_open(&options, &service.store, &detail) == ERR_NONE);
    loop = loop_new();
    require(admin_new(&service, loop, &admin, &detail) == ERR_NONE);
    receive("{\"RuleType\":\"Sync Failed\",\"AlertId\":\"a\",\"CompanyId\":\"c\",\"Data\":{\"syncId\":\"s\"},"
            "\"Message\":\"" IN_BODY "\"}");
    receive("{\"id\":\"e\",\"eventType\":\"company.created\",\"payload\":{\"name\":\"" IN_BODY "\"}}");
}

struct visit {
    int fd;
    struct strbuf got;
};

/* Reads what there is; true when the server has closed. */
static bool is_over(void *arg) {
    struct visit *visit = arg;
    char bytes[65536];
    ssize_t len;
    while ((len = recv(visit->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        strbuf_append(&visit->got, str_slice(bytes, (size_t)len));
    return len == 0;
}

static void check_answers(struct str request, struct str answers) {
    static const char *const secrets[] = {TOKEN, SECRET, AUTH, IN_HEADER};
    require(answers.len == 0 || str_starts_with(answers, STR("HTTP/1.1 ")));
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) /* what was asked may be repeated */
        require(str_find(answers, str_of(secrets[i])) < 0 || str_find(request, str_of(secrets[i])) >= 0);
    require(str_find(answers, STR(IN_BODY)) < 0 || str_find(request, STR(TOKEN)) >= 0 ||
            str_find(request, STR(IN_BODY)) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str request = str_slice((const char *)data, size);
    struct visit visit = {0};
    struct netaddr peer;
    int fds[2];
    if (lasting == NULL)
        set_up();
    if (size > 100000)
        return 0; /* more than a socket holds */
    require(netaddr_parse("127.0.0.1:1", &peer, NULL) == ERR_NONE);
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    visit.fd = fds[1];
    require(size == 0 || send(visit.fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
    require(shutdown(visit.fd, SHUT_WR) == 0);
    struct guest *guest = crowd_enter(admin->httpd->crowd, &peer);
    require(guest != NULL);
    httpd_conn_open(admin->httpd, fds[0], &peer, guest);
    bool is_ended = loop_run_until(loop, is_over, &visit, WITHIN_MS);
    require(is_ended || str_find(request, STR("/api/flow")) >= 0); /* which is a stream, without an end */
    check_answers(request, strbuf_str(&visit.got));
    close(visit.fd);
    strbuf_clear(&visit.got);
    return 0;
}
