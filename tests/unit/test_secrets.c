/* No memory is given back that holds a secret. The test takes the place of free() and looks into every block, those of
 * the libraries too; that leaves no room for a sanitizer, which does the same. */
#include "common/arena.h"
#include "common/file.h"
#include "common/httpc.h"
#include "common/mem.h"
#include "proxy/app/setup.h"
#include "proxy/model/settings.h"

#include <execinfo.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

/* Each secret by a part of it that stands nowhere else: as it is written, and as it is used. */
static const char *const traces[] = {
    "token-nobody-may-see",      "c2lnbmluZy1rZXktb2YtdGhlLWxlZ2FjeQ",
    "signing-key-of-the-legacy", "dmVyaWZ5aW5nLWtleS1vZi1ldmVudHM",
    "verifying-key-of-events",   "cnVsZXMtb2YtYS1zZW5kZXI",
    "header-of-the-consumer",
};

static bool is_watching;
static char found[4096];

static __attribute__((unused)) void look_into(void *block) { /* unused where a sanitizer is at work */
    size_t len = malloc_usable_size(block);
    for (size_t i = 0; i < ARRAY_LEN(traces); i++) {
        if (memmem(block, len, traces[i], strlen(traces[i])) == NULL)
            continue;
        void *frames[12];
        is_watching = false;
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s in a block of %zu bytes\n", traces[i], len);
        fprintf(stderr, "%s:\n", traces[i]);
        backtrace_symbols_fd(frames, backtrace(frames, ARRAY_LEN(frames)), STDERR_FILENO);
        is_watching = true;
    }
}

#ifndef IS_SANITIZED
void __libc_free(void *block); // NOLINT(bugprone-reserved-identifier): glibc's name of it

void free(void *block) {
    if (block != NULL && is_watching)
        look_into(block);
    __libc_free(block);
}

/* Always another place, and the old one through free(). */
void *realloc(void *block, size_t size) {
    void *moved = malloc(size);
    if (block == NULL || moved == NULL)
        return moved;
    size_t had = malloc_usable_size(block);
    memcpy(moved, block, had < size ? had : size);
    free(block);
    return moved;
}
#endif

static int begin(void **state) {
    (void)state;
#ifdef IS_SANITIZED
    skip();
#endif
    found[0] = '\0';
    is_watching = true;
    return 0;
}

static void end(void) {
    is_watching = false;
    if (found[0] != '\0')
        fail_msg("%s", found);
}

static void write_file(char path[64], const char *text) {
    snprintf(path, 64, "/tmp/hookshift-secrets-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void the_test_finds_what_it_looks_for(void **state) {
    (void)state;
    begin(state);
    mem_free(mem_strdup("a token-nobody-may-see"));
    is_watching = false;
    assert_non_null(strstr(found, "token-nobody-may-see"));
}

static void arenas_for_secrets_are_wiped(void **state) {
    begin(state);
    struct arena *arena = arena_new_for_secrets();
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 1000; i++)
            (void)arena_printf(arena, "%d token-nobody-may-see", i);
        if (turn == 1)
            arena_reset(arena);
    }
    arena_free(arena);
    end();
}

static void use_keys(const struct service *service, const struct settings *settings) {
    struct arena *arena = arena_new(0);
    struct str id = STR("msg_1"), body = STR("{}");
    struct str signature = signature_sign(service->signing[ENDPOINT_LEGACY].keys[0], id, 1700000000, body, arena);
    const struct http_header headers[] = {
        {STR("webhook-id"), id}, {STR("webhook-timestamp"), STR("1700000000")}, {STR("webhook-signature"), signature}};
    struct signature_check check = {SIGNATURE_ANY_FAMILY, service->verify_event.keys, service->verify_event.count,
                                    1700000000, 300};
    assert_int_equal(signature_verify(&check, headers, ARRAY_LEN(headers), body), SIGNATURE_NO_MATCH);
    check.keys = service->signing[ENDPOINT_LEGACY].keys;
    assert_int_equal(signature_verify(&check, headers, ARRAY_LEN(headers), body), SIGNATURE_OK);
    assert_true(signature_authorization_matches(STR("Basic cnVsZXMtb2YtYS1zZW5kZXI="),
                                                settings->verify_rule_authorizations.items,
                                                settings->verify_rule_authorizations.count));
    arena_free(arena);
}

/* From a file, a variable, the file that a variable names, and an assignment, to the end of the service. */
static void settings_and_keys_are_wiped(void **state) {
    char path[64], secret_path[64];
    write_file(path, "{\"flags\": {\"file\": \"f\"}, // a comment\n"
                     " \"admin\": {\"token\": \"token-nobody-may-see\\u0021\"},\n"
                     " \"endpoints\": {\"legacy\": {\"url\": \"http://a\", \"secrets\": "
                     "[\"whsec_c2lnbmluZy1rZXktb2YtdGhlLWxlZ2FjeQ==\"]},\n"
                     "  \"new\": {\"url\": \"http://b\", \"headers\": {\"X-Key\": \"header-of-the-consumer\\t\"}}}}");
    write_file(secret_path, "whsec_dmVyaWZ5aW5nLWtleS1vZi1ldmVudHM=\n");
    char variable[128];
    snprintf(variable, sizeof variable, "HOOKSHIFT_VERIFY_EVENT_SECRETS_FILE=%s", secret_path);
    const char *variables[] = {variable, "HOOKSHIFT_VERIFY_RULE_AUTHORIZATIONS=Basic cnVsZXMtb2YtYS1zZW5kZXI=", NULL};
    static const char *const assignments[] = {"endpoints.new.headers={\"X-Key\": \"header-of-the-consumer\"}"};
    const struct settings_sources sources = {
        .path = path, .variables = variables, .assignments = assignments, .assignment_count = 1};
    const struct opt_problem *problems;
    struct settings settings;
    struct service service = {0};
    struct strbuf text = {0};
    begin(state);
    struct arena *arena = arena_new_for_secrets();
    enum err err = settings_load(arena, &sources, &settings, &problems);
    for (; problems != NULL; problems = problems->next)
        opt_problem_print(&text, problems);
    if (err != ERR_NONE)
        fprintf(stderr, "%s\n", text.at);
    assert_int_equal(err, ERR_INVALID); /* a header may not end in a tab */
    assert_int_equal(setup_service(&settings, arena, &service, &text), ERR_NONE);
    use_keys(&service, &settings);
    setup_clear(&service);
    arena_free(arena);
    strbuf_clear(&text);
    end();
    unlink(path);
    unlink(secret_path);
}

static void a_secret_that_is_refused_is_wiped(void **state) {
    static const char *const wrong[] = {"verify.event_secrets=whsec_dmVyaWZ5aW5nLWtleS1vZi1ldmVudHM=!",
                                        "admin.token=token-nobody-may-see\n",
                                        "endpoints.legacy.secrets=c2lnbmluZy1rZXktb2YtdGhlLWxlZ2FjeQ"};
    struct settings settings;
    const struct opt_problem *problems;
    struct signature_key *key;
    begin(state);
    struct arena *arena = arena_new_for_secrets();
    const struct settings_sources sources = {.assignments = wrong, .assignment_count = ARRAY_LEN(wrong)};
    assert_int_equal(settings_load(arena, &sources, &settings, &problems), ERR_INVALID);
    arena_free(arena);
    assert_int_equal(signature_key_new(STR("whsec_dmVyaWZ5aW5nLWtleS1vZi1ldmVudHM=!"), &key, NULL), ERR_INVALID);
    end();
}

static void count_done(const struct httpc_answer *answer, void *arg) {
    (void)answer;
    ++*(int *)arg;
}

static bool has_ended(void *arg) {
    return *(int *)arg > 0;
}

/* The first fails and leaves its buffer to the second, for whose body that is too small. */
static void headers_of_requests_are_wiped(void **state) {
    static const char body[8192];
    const struct http_header header = {STR("Authorization"), STR("header-of-the-consumer")};
    struct httpc_request request = {.method = STR("POST"),
                                    .url = STR("http://127.0.0.1:1/"),
                                    .headers = &header,
                                    .header_count = 1,
                                    .timeout_ms = 10000,
                                    .connect_timeout_ms = 10000};
    assert_int_equal(httpc_global_init(), ERR_NONE);
    begin(state);
    struct loop *loop = loop_new();
    const struct httpc_options options = {.loop = loop, .max_idle_connections = 4, .max_answer_len = 1000};
    struct httpc *httpc = httpc_new(&options);
    for (int i = 0; i < 2; i++) {
        int done = 0;
        request.body = str_slice(body, i == 0 ? 0 : sizeof body);
        httpc_send(httpc, &request, count_done, &done);
        assert_true(loop_run_until(loop, has_ended, &done, 10000));
    }
    request.body = STR("cancelled");
    httpc_cancel(httpc_send(httpc, &request, count_done, NULL));
    httpc_free(httpc);
    loop_free(loop);
    end();
    httpc_global_clear();
}

/* As the kernel hands them to a program: memory that may be written to. */
static void what_the_program_was_started_with_is_overwritten(void **state) {
    (void)state;
    static char token[] = "HOOKSHIFT_ADMIN_TOKEN=token-nobody-may-see", level[] = "HOOKSHIFT_LOG_LEVEL=debug",
                file[] = "HOOKSHIFT_ADMIN_TOKEN_FILE=/run/token", other[] = "ADMIN_TOKEN=another",
                set[] = "verify.event_secrets=whsec_dmVyaWZ5aW5n", unset[] = "admin.tokn=token-nobody-may-see",
                plain[] = "log.level=debug", no_value[] = "admin.token";
    const char *const variables[] = {token, level, file, other, NULL};
    opt_forget_environment(settings_table(), variables);
    assert_memory_equal(token, "HOOKSHIFT_ADMIN_TOKEN=\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof token);
    assert_string_equal(level, "HOOKSHIFT_LOG_LEVEL=debug");
    assert_string_equal(file, "HOOKSHIFT_ADMIN_TOKEN_FILE=/run/token");
    assert_string_equal(other, "ADMIN_TOKEN=another");
    char *const assignments[] = {set, unset, plain, no_value};
    for (size_t i = 0; i < ARRAY_LEN(assignments); i++)
        opt_forget_assignment(settings_table(), str_of(assignments[i]));
    assert_string_equal(set, "verify.event_secrets=");
    assert_string_equal(unset, "admin.tokn=");
    assert_string_equal(plain, "log.level=debug");
    assert_string_equal(no_value, "admin.token");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_test_finds_what_it_looks_for),
        cmocka_unit_test(arenas_for_secrets_are_wiped),
        cmocka_unit_test(settings_and_keys_are_wiped),
        cmocka_unit_test(a_secret_that_is_refused_is_wiped),
        cmocka_unit_test(headers_of_requests_are_wiped),
        cmocka_unit_test(what_the_program_was_started_with_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
