#include "proxy/model/settings_warnings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUIRED                                                                                                       \
    "flags.file=flags.json", "endpoints.legacy.url=http://127.0.0.1:1/legacy", "endpoints.new.url=http://127.0.0.1:1"
enum { REQUIRED_COUNT = 3 };

struct trial {
    struct arena *arena;
    struct settings settings;
    struct strbuf report;
    enum err err;
};

static void trial_run(struct trial *trial, const struct settings_sources *sources) {
    const struct opt_problem *problem;
    *trial = (struct trial){.arena = arena_new(0)};
    trial->err = settings_load(trial->arena, sources, &trial->settings, &problem);
    assert_int_equal(trial->err, problem == NULL ? ERR_NONE : ERR_INVALID);
    strbuf_append(&trial->report, STR(""));
    for (; problem != NULL; problem = problem->next) {
        opt_problem_print(&trial->report, problem);
        strbuf_append_char(&trial->report, '\n');
    }
}

static void trial_end(struct trial *trial) {
    strbuf_clear(&trial->report);
    arena_free(trial->arena);
}

static void write_file(char path[64], const char *content, size_t len) {
    strcpy(path, "/tmp/hookshift-settings-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), len);
    close(fd);
}

static void assert_str(struct str s, const char *expected) {
    if (!str_eq(s, str_of(expected)))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(s), expected);
}

static void test_defaults(void **state) {
    (void)state;
    static const char *const required[] = {REQUIRED};
    struct trial trial;
    trial_run(&trial, &(struct settings_sources){.assignments = required, .assignment_count = REQUIRED_COUNT});
    assert_string_equal(trial.report.at, "");
    const struct settings *s = &trial.settings;
    assert_str(s->listen, "0.0.0.0:8080");
    assert_str(s->admin_listen, "127.0.0.1:9090");
    assert_null(s->admin_token.at);
    assert_int_equal(s->workers, 0);
    assert_str(s->flags_path, "flags.json");
    assert_str(s->store_url, "sqlite:hookshift.db");
    assert_int_equal(s->store_sync, STORE_SYNC_FULL);
    assert_int_equal(s->store_retention_ms, INT64_C(15) * 24 * 3600 * 1000);
    assert_int_equal(s->store_body_retention_ms, INT64_C(3) * 24 * 3600 * 1000);
    assert_str(s->endpoints[ENDPOINT_LEGACY].url, "http://127.0.0.1:1/legacy");
    assert_str(s->endpoints[ENDPOINT_NEW].url, "http://127.0.0.1:1");
    assert_int_equal(s->endpoints[ENDPOINT_NEW].timeout_ms, 10000);
    assert_int_equal(s->endpoints[ENDPOINT_NEW].connect_timeout_ms, 3000);
    assert_int_equal(s->endpoints[ENDPOINT_LEGACY].concurrency, 64);
    assert_int_equal(s->acknowledge, ACKNOWLEDGE_STORED);
    assert_int_equal(s->verify_tolerance_ms, 300000);
    assert_int_equal(s->unrecognised, UNRECOGNISED_LEGACY);
    assert_int_equal(s->pairing_window_ms, 600000);
    assert_int_equal(s->pairing_prefer, PREFER_FIRST);
    assert_int_equal(s->pairing_hold_ms, 30000);
    assert_int_equal(s->pairing_partial, PARTIAL_TRIM);
    assert_int_equal(s->pairing_park_for_ms, 24 * 3600 * 1000);
    assert_int_equal(s->retry_schedule.count, 9);
    assert_int_equal(s->retry_schedule.ms[8], 10 * 3600 * 1000);
    assert_int_equal(s->body_limit, 1024 * 1024);
    assert_int_equal(s->header_limit, 16 * 1024);
    assert_int_equal(s->request_time_ms, 15000);
    assert_int_equal(s->idle_time_ms, 75000);
    assert_int_equal(s->connection_limit, 4096);
    assert_int_equal(s->address_connection_limit, 1024);
    assert_int_equal(s->backlog_limit, 1000000);
    assert_int_equal(s->drain_time_ms, 25000);
    assert_int_equal(s->log_level, LOG_INFO);
    assert_int_equal(s->log_format, LOG_TEXT);
    trial_end(&trial);
}

static void test_five_mistakes_in_one_file(void **state) {
    (void)state;
    static const char text[] = "// hookshift\n"
                               "{\n"
                               "  \"listen\": \"127.0.0.1:0\",\n"
                               "  \"endpoints\": {\n"
                               "    \"legacy\": {\"url\": \"consumer:8080\", \"timeout\": \"10x\"},\n"
                               "    \"new\": {\"url\": \"http://consumer\", \"concurency\": 8}\n"
                               "  },\n"
                               "  \"pairing\": {\"prefer\": \"newest\"},\n"
                               "  \"limits\": {\"connections\": 0}\n"
                               "}\n";
    char path[64], expected[2048];
    write_file(path, text, sizeof text - 1);
    struct trial trial;
    trial_run(&trial, &(struct settings_sources){.path = path});
    snprintf(expected, sizeof expected,
             "%s:5: endpoints.legacy.url: \"consumer:8080\" does not begin with http:// or https://\n"
             "%s:5: endpoints.legacy.timeout: \"10x\" is no duration; expected a duration from 10ms to 1h, such as "
             "250ms, 10s, 5m, 2h or 15d\n"
             "%s:6: endpoints.new.concurency: is no setting; did you mean \"endpoints.new.concurrency\"?\n"
             "%s:8: pairing.prefer: \"newest\" is no choice; expected first, new or legacy\n"
             "%s:9: limits.connections: \"0\" is less than 1; expected a whole number from 1 to 1000000\n"
             "%s: flags.file: is required and missing; expected it in the file, as HOOKSHIFT_FLAGS_FILE, or with "
             "--set\n",
             path, path, path, path, path, path);
    assert_string_equal(trial.report.at, expected);
    trial_end(&trial);
    unlink(path);
}

/* (fault 2.15) */
static void test_what_does_not_go_together(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *report; /* a part; NULL: fine */
    } cases[] = {
        {"admin.listen=0.0.0.0:9090", "--set: admin.listen: \"0.0.0.0:9090\" can be reached from other machines"},
        {"admin.listen=:9090", "can be reached"},
        {"admin.listen=[::1]:0", NULL},
        {"admin.listen=nonsense", "is no address to listen on"},
        {"listen=8080", "is no address to listen on"},
        {"listen=127.0.0.1:70000", "is no address to listen on"},
        {"listen.tls.cert=/dev/null", "listen.tls.cert: is given without its key; expected listen.tls.key"},
        {"endpoints.new.client_key=/dev/null", "endpoints.new.client_key: is given without its certificate"},
        {"endpoints.legacy.ca=/nonexistent.pem", "\"/nonexistent.pem\": No such file"},
        {"catalogue=/nonexistent.json", "\"/nonexistent.json\": No such file"},
        {"store.url=postgresql://db/x", "is not available in this build"},
        {"store.url=mysql:x", "is neither sqlite:PATH nor memory:"},
        {"store.url=sqlite:", "has no path"},
        {"store.url=memory:", NULL},
        {"store.retention=1d",
         "store.retention: is shorter than a message can be open: retry.schedule adds up to 1d3h42m35s, "
         "and pairing.park_for is 1d;"},
        {"store.retention=52h", NULL},
        {"store.retention=51h", "expected at least 2d3h42m35s"},
        {"pairing.park_for=14d", "store.retention: is shorter"},
        {"retry.schedule=5s,8d,8d", "store.retention: is shorter"},
        {"store.body_retention=16d", "is longer than store.retention"},
        {"pairing.window=16d", "is longer than store.retention"},
        {"retry.schedule=[]", "retry.schedule: is an empty list"},
        {"retry.schedule=1s", NULL},
        {"verify.event_secrets=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL},
        {"verify.event_secrets=whsec_", "the value has nothing behind whsec_"},
        {"verify.rule_secrets=MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "the value does not begin with whsec_"},
        {"endpoints.new.secrets=whsec_AA==,whsec_!", "the value is not base64"},
        {"endpoints.new.routes={\"read.completed\":\"/x\"}", "\"/x\" does not begin with http"},
        {"endpoints.new.routes={\"\":\"http://x\"}", "is no type"},
        {"endpoints.new.headers={\"Content-Length\":\"1\"}", "must write itself"},
        {"endpoints.new.headers={\"X Y\":\"1\"}", "is no name of a header"},
        {"endpoints.new.headers={\"X-A\":\"1\",\"x-a\":\"2\"}", "has \"x-a\" a second time"},
        {"endpoints.new.headers={\"Authorization\":\"Bearer x\"}", NULL},
        {"assign={\"AccountCategoriesUpdated\":\"old\"}", "\"old\" is no choice; expected a JSON object whose values "
                                                          "are legacy or new"},
        {"pairing.prefer_by_type={\"read.completed\":\"new\"}", NULL},
        {"parity.ignore=SyncStarted,AccountCategoriesUpdated", NULL},
        {"endpoints.new.url=HTTP://host/", NULL},
        {"endpoints.new.url=http://[::1].evil/", "has a host that is none"},
        {"endpoints.new.routes={\"read.completed\":\"http://[::1].evil/\"}", "has a host that is none"},
        {"endpoints.new.url=http://user:hush@host/", "\"http://...@host/\" has a user name or password"},
    };
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const assignments[] = {REQUIRED, cases[i].assignment};
        struct trial trial;
        trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 4});
        bool as_expected =
            cases[i].report == NULL ? trial.err == ERR_NONE : strstr(trial.report.at, cases[i].report) != NULL;
        if (!as_expected) {
            print_error("%s: %s\n", cases[i].assignment, trial.report.at);
            wrong++;
        }
        trial_end(&trial);
    }
    assert_int_equal(wrong, 0);
}

/* A consumer that is hookshift itself, as far as the address alone shows it. (fault 3.8) */
static void test_own_addresses_are_no_consumers(void **state) {
    (void)state;
    static const struct {
        const char *listen, *url;
        bool is_own;
    } cases[] = {
        {"0.0.0.0:8080", "http://127.0.0.1:8080/in", true}, {"0.0.0.0:8080", "http://localhost:8080", true},
        {"0.0.0.0:8080", "HTTP://LocalHost:8080", true},    {"0.0.0.0:8080", "http://127.9.9.9:8080", true},
        {"0.0.0.0:8080", "http://0.0.0.0:8080", true},      {"0.0.0.0:8080", "http://2130706433:8080", true},
        {"0.0.0.0:8080", "http://0x7f.1:8080", true},       {"0.0.0.0:80", "http://localhost/a", true},
        {"0.0.0.0:443", "https://localhost./a", true},      {"0.0.0.0:8080", "http://[::ffff:127.0.0.1]:8080", true},
        {"[::]:8080", "http://[::1]:8080", true},           {"[::]:8080", "http://127.0.0.1:8080", true},
        {"127.0.0.1:8080", "http://localhost:8080", true},  {"127.0.0.1:8080", "http://0.0.0.0:8080", true},
        {"[::1]:8080", "http://localhost:8080", true},      {"[::1]:8080", "http://[0:0::1]:8080", true},
        {"0.0.0.0:8080", "http://127.0.0.1:9191", true}, /* admin.listen */
        {"0.0.0.0:8080", "http://127.0.0.1:8081", false},   {"0.0.0.0:8080", "http://192.0.2.1:8080", false},
        {"0.0.0.0:8080", "http://consumer:8080", false},    {"0.0.0.0:8080", "http://[::1]:8080", false},
        {"127.0.0.1:8080", "http://127.0.0.2:8080", false}, {"127.0.0.1:8080", "http://[::1]:8080", false},
        {"127.0.0.1:0", "http://127.0.0.1:80", false},      {"0.0.0.0:8080", "http://localhost", false},
    };
    int wrong = 0;
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        char listen[64], url[128];
        snprintf(listen, sizeof listen, "listen=%s", cases[i / 2].listen);
        if (i % 2 == 0)
            snprintf(url, sizeof url, "endpoints.legacy.url=%s", cases[i / 2].url);
        else
            snprintf(url, sizeof url, "endpoints.new.routes={\"read.completed\":\"%s\"}", cases[i / 2].url);
        const char *const assignments[] = {REQUIRED, listen, "admin.listen=127.0.0.1:9191", url};
        struct trial trial;
        trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 6});
        bool is_refused = strstr(trial.report.at, "is hookshift's own address") != NULL;
        if (is_refused != cases[i / 2].is_own || (trial.err != ERR_NONE) != cases[i / 2].is_own) {
            print_error("%s, %s: %s\n", listen, url, trial.report.at);
            wrong++;
        }
        trial_end(&trial);
    }
    assert_int_equal(wrong, 0);
}

/* (fault 2.19) (fault 3.10) (fault 5.3) (fault 6.9) */
static void test_what_is_often_not_meant(void **state) {
    (void)state;
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    static const struct {
        const char *assignment, *warning; /* a part; NULL: there is none */
    } cases[] = {
        {"endpoints.new.url=http://host", NULL},
        {"endpoints.new.url=http://host/a", NULL},
        {"endpoints.new.url=HTTP://host/", "endpoints.new.url: \"HTTP://host/\" has the path \"/\""},
        {"endpoints.legacy.url=http://host/?a=b", "\"http://host\", without the slash, keeps the path"},
        {"verify.event_secrets=" SECRET, "endpoints.new.secrets: is empty, while events are signed"},
        {"verify.rule_secrets=" SECRET, "endpoints.legacy.secrets: is empty, while rules are signed"},
        {"endpoints.new.secrets=" SECRET, NULL},
        {"verify.rule_authorizations=Basic x", "only rules are verified: a forged message among the events"},
        {"verify.event_secrets=" SECRET,
         "set verify.rule_authorizations or verify.rule_secrets, or pairing.unverified"},
        {"listen=0.0.0.0:8080", "neither generation is verified, while \"0.0.0.0:8080\" can be reached"},
        {"listen=:8080", "neither generation is verified"},
        {"listen=[::1]:8080", NULL},
        {"store.body_retention=27h", "store.body_retention: is 1d3h, while retry.schedule adds up to 1d3h42m35s"},
        {"store.body_retention=28h", NULL},
        {"pairing.hold=11m", NULL}, /* nothing is held */
        {"pairing.prefer=new", NULL},
        {"pairing.prefer_by_type={\"read.completed\":\"new\"}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const assignments[] = {REQUIRED, "listen=127.0.0.1:8080", cases[i].assignment};
        struct strbuf lines = {0};
        struct trial trial;
        trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 5});
        assert_int_equal(trial.err, ERR_NONE);
        strbuf_append(&lines, STR(""));
        settings_warnings(&trial.settings, &lines);
        bool as_expected = cases[i].warning == NULL ? lines.len == 0 : strstr(lines.at, cases[i].warning) != NULL;
        if (!as_expected)
            fail_msg("%s: %s", cases[i].assignment, lines.at);
        strbuf_clear(&lines);
        trial_end(&trial);
    }
}

/* (fault 2.19) */
static void test_a_hold_beyond_the_window_is_told_of(void **state) {
    (void)state;
    static const char *const prefers[] = {"pairing.prefer=new",
                                          "pairing.prefer_by_type={\"read.completed\":\"legacy\"}"};
    for (size_t i = 0; i < ARRAY_LEN(prefers); i++) {
        const char *const assignments[] = {REQUIRED, prefers[i], "pairing.hold=11m"};
        struct strbuf lines = {0};
        struct trial trial;
        trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 5});
        assert_int_equal(trial.err, ERR_NONE);
        settings_warnings(&trial.settings, &lines);
        assert_non_null(strstr(lines.at, "pairing.hold: is 11m, longer than pairing.window (10m)"));
        strbuf_clear(&lines);
        trial_end(&trial);
    }
}

static void test_secrets_are_never_repeated(void **state) {
    (void)state;
    static const char *const names[] = {"admin.token",           "verify.event_secrets",
                                        "verify.rule_secrets",   "verify.rule_authorizations",
                                        "endpoints.new.secrets", "endpoints.legacy.headers"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char assignment[128];
        snprintf(assignment, sizeof assignment, "%s=hush\thush", names[i]);
        const char *const assignments[] = {REQUIRED, assignment};
        struct trial trial;
        trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 4});
        assert_int_equal(trial.err, ERR_INVALID);
        assert_null(strstr(trial.report.at, "hush"));
        trial_end(&trial);
    }
}

/* Nor a password in a URL, wherever it stands. (fault 5.9) */
static void test_passwords_of_urls_are_never_repeated(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "endpoints.legacy.url=http://user:hush@host/",
        "endpoints.legacy.url=HTTPS://hush@host/a",
        "endpoints.legacy.url=user:hush@host",
        "endpoints.legacy.url=ftp://user:hush/hush@host/",
        "endpoints.legacy.url=http://user:hush@[::1].x",
        "endpoints.new.routes={\"a\":\"http://user:hush@host/\"}",
        "store.url=postgresql://user:hush@db/x",
        "endpoints.legacy.ulr=http://user:hush@host/",
        "http://user:hush@host/",
        "http://user:hu=hush@host/",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *const assignments[] = {REQUIRED, wrong[i]};
        struct trial trial;
        trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 4});
        assert_int_equal(trial.err, ERR_INVALID);
        if (strstr(trial.report.at, "hush") != NULL)
            fail_msg("%s: %s", wrong[i], trial.report.at);
        trial_end(&trial);
    }
}

static void test_the_admin_port_is_open_with_a_token(void **state) {
    (void)state;
    static const char *const assignments[] = {REQUIRED, "admin.listen=0.0.0.0:9090", "admin.token=t"};
    struct trial trial;
    trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 5});
    assert_string_equal(trial.report.at, "");
    trial_end(&trial);
}

static void test_bodies_are_not_kept_longer_than_the_rest(void **state) {
    (void)state;
    static const char *const assignments[] = {REQUIRED, "store.retention=1d", "retry.schedule=1s",
                                              "pairing.park_for=1h"};
    struct trial trial;
    trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 6});
    assert_int_equal(trial.err, ERR_NONE);
    assert_int_equal(trial.settings.store_body_retention_ms, 24 * 3600 * 1000);
    trial_end(&trial);
}

static void test_variables_of_kubernetes_mean_nothing(void **state) {
    (void)state;
    static const char *const required[] = {REQUIRED};
    static const char *const variables[] = {"HOOKSHIFT_SERVICE_HOST=10.0.0.1",
                                            "HOOKSHIFT_SERVICE_PORT=8080",
                                            "HOOKSHIFT_SERVICE_PORT_HTTP=8080",
                                            "HOOKSHIFT_PORT=tcp://10.0.0.1:8080",
                                            "HOOKSHIFT_PORT_8080_TCP=tcp://10.0.0.1:8080",
                                            "HOOKSHIFT_PORT_8080_TCP_ADDR=10.0.0.1",
                                            "HOOKSHIFT_ADMIN_SERVICE_HOST=10.0.0.1",
                                            "HOOKSHIFT_ADMIN_PORT_9090_TCP_PROTO=tcp",
                                            "HOOKSHIFT_ADMIN_PORT=tcp://10.0.0.1:9090",
                                            NULL};
    struct settings_sources sources = {.variables = variables, .assignments = required, .assignment_count = 3};
    struct trial trial;
    trial_run(&trial, &sources);
    assert_string_equal(trial.report.at, "");
    trial_end(&trial);

    static const char *const mistakes[] = {"HOOKSHIFT_PORT=8080", "HOOKSHIFT_ENDPOINTS_NEW_URI=http://x", NULL};
    sources.variables = mistakes;
    trial_run(&trial, &sources);
    assert_string_equal(trial.report.at, "environment: HOOKSHIFT_PORT: is no setting\n"
                                         "environment: HOOKSHIFT_ENDPOINTS_NEW_URI: is no setting; did you mean "
                                         "\"HOOKSHIFT_ENDPOINTS_NEW_URL\"?\n");
    trial_end(&trial);
}

static void test_answers_by_type(void **state) {
    (void)state;
    static const char *const assignments[] = {
        REQUIRED, "assign={\"AccountCategoriesUpdated\":\"new\"}",
        "pairing.prefer_by_type={\"read.completed\":\"legacy\",\"connection.created\":\"first\"}", "pairing.prefer=new",
        "endpoints.new.routes={\"read.completed\":\"http://127.0.0.1:2/read\"}"};
    struct trial trial;
    trial_run(&trial, &(struct settings_sources){.assignments = assignments, .assignment_count = 7});
    assert_string_equal(trial.report.at, "");
    enum endpoint endpoint = ENDPOINT_LEGACY;
    assert_true(settings_assigned(&trial.settings, STR("accountCategoriesUpdated"), &endpoint));
    assert_int_equal(endpoint, ENDPOINT_NEW);
    assert_false(settings_assigned(&trial.settings, STR("SyncStarted"), &endpoint));
    assert_false(settings_assigned(&trial.settings, STR_NONE, &endpoint));
    assert_int_equal(settings_prefer(&trial.settings, STR("read.completed")), PREFER_LEGACY);
    assert_int_equal(settings_prefer(&trial.settings, STR("connection.created")), PREFER_FIRST);
    assert_int_equal(settings_prefer(&trial.settings, STR("connection.deleted")), PREFER_NEW);
    const struct endpoint_settings *endpoint_new = &trial.settings.endpoints[ENDPOINT_NEW];
    assert_str(settings_route(endpoint_new, STR("read.completed")), "http://127.0.0.1:2/read");
    assert_str(settings_route(endpoint_new, STR("x")), "http://127.0.0.1:1");
    assert_str(settings_route(endpoint_new, STR_NONE), "http://127.0.0.1:1");
    trial_end(&trial);
}

static void test_every_truncated_file_is_refused(void **state) {
    (void)state;
    static const char text[] =
        "{\"flags.file\":\"f\",\"endpoints\":{\"legacy\":{\"url\":\"http://x\"},\"new\":{\"url\":"
        "\"http://y\",\"secrets\":[\"whsec_AAAA\"]}},\"retry\":{\"schedule\":[\"1s\",\"2s\"]}}";
    for (size_t len = 0; len <= sizeof text - 1; len++) {
        char path[64];
        write_file(path, text, len);
        struct trial trial;
        trial_run(&trial, &(struct settings_sources){.path = path});
        assert_int_equal(trial.err, len < sizeof text - 1 ? ERR_INVALID : ERR_NONE);
        assert_true(len == sizeof text - 1 || str_starts_with(strbuf_str(&trial.report), str_of(path)));
        trial_end(&trial);
        unlink(path);
    }
}

/* The table is the documentation: each row must be whole, and no name may stand in the way of another. */
static void test_the_table_is_whole(void **state) {
    (void)state;
    const struct opt_table *table = settings_table();
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < table->count; i++) {
        const struct opt *opt = &table->opts[i];
        assert_non_null(opt->meaning);
        assert_null(strchr(opt->meaning, '\n'));
        assert_ptr_equal(opt_find(table, str_of(opt->name)), opt);
        bool is_amount = opt->type == OPT_INT || opt->type == OPT_DURATION || opt->type == OPT_SIZE;
        assert_true(!is_amount || (opt->initial != NULL && opt->min < opt->max));
        assert_true(opt->type != OPT_CHOICE || (opt->choices != NULL && opt->initial != NULL));
        assert_true(opt->offset < sizeof(struct settings));
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(table->opts[j].offset, opt->offset);
            assert_false(str_eq(opt_variable(arena, table, opt), opt_variable(arena, table, &table->opts[j])));
        }
    }
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_five_mistakes_in_one_file),
        cmocka_unit_test(test_what_does_not_go_together),
        cmocka_unit_test(test_own_addresses_are_no_consumers),
        cmocka_unit_test(test_what_is_often_not_meant),
        cmocka_unit_test(test_a_hold_beyond_the_window_is_told_of),
        cmocka_unit_test(test_secrets_are_never_repeated),
        cmocka_unit_test(test_passwords_of_urls_are_never_repeated),
        cmocka_unit_test(test_the_admin_port_is_open_with_a_token),
        cmocka_unit_test(test_bodies_are_not_kept_longer_than_the_rest),
        cmocka_unit_test(test_variables_of_kubernetes_mean_nothing),
        cmocka_unit_test(test_answers_by_type),
        cmocka_unit_test(test_every_truncated_file_is_refused),
        cmocka_unit_test(test_the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
