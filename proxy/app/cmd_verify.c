#include "common/clock.h"
#include "common/mem.h"
#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/app/signature_vectors.h"
#include "proxy/decide/signature.h"

#include <stdio.h>

enum { TOLERANCE_S = 300 };

struct request {
    const char *command;
    struct cli_list secrets, header_texts;
    const char *tolerance, *now, *vectors, *path;
    struct signature_key **keys;
    size_t key_count;
    struct http_header *headers;
    struct signature_check check;
};

/* The following return CLI_GO_ON, or the exit status where something is wrong. */

static int read_secrets(struct request *request) {
    struct err_detail detail;
    request->keys = MEM_ARRAY(request->secrets.count + 1, struct signature_key *);
    for (size_t i = 0; i < request->secrets.count; i++, request->key_count++)
        if (signature_key_new(str_of(request->secrets.items[i]), &request->keys[i], &detail) != ERR_NONE)
            return cli_misused(request->command, "--secret: %s", detail.text);
    if (request->key_count == 0)
        return cli_misused(request->command, "--secret is missing");
    return CLI_GO_ON;
}

static int read_headers(struct request *request) {
    request->headers = MEM_ARRAY(request->header_texts.count + 1, struct http_header);
    for (size_t i = 0; i < request->header_texts.count; i++) {
        struct str value = str_of(request->header_texts.items[i]), name;
        if (!str_next(&value, ':', &name) || value.at == NULL || str_trim(name).len == 0)
            return cli_misused(request->command, "--header must be like 'name: value'");
        request->headers[i] = (struct http_header){str_trim(name), str_trim(value)};
    }
    return CLI_GO_ON;
}

static int read_seconds(struct request *request, const char *option, const char *text, int64_t *seconds) {
    if (text == NULL)
        return CLI_GO_ON;
    if (!str_to_i64(str_of(text), seconds) || *seconds < 0 || *seconds > INT64_MAX / 2)
        return cli_misused(request->command, "%s must be seconds, a whole number", option);
    return CLI_GO_ON;
}

static int prepare(struct request *request) {
    int status = read_secrets(request);
    if (status == CLI_GO_ON)
        status = read_headers(request);
    request->check = (struct signature_check){SIGNATURE_ANY_FAMILY, request->keys, request->key_count,
                                              clock_wall_ms() / 1000, TOLERANCE_S};
    if (status == CLI_GO_ON)
        status = read_seconds(request, "--tolerance", request->tolerance, &request->check.tolerance_s);
    if (status == CLI_GO_ON)
        status = read_seconds(request, "--now", request->now, &request->check.now_s);
    return status;
}

static int verify_body(const struct request *request, struct str body) {
    enum signature_result result =
        signature_verify(&request->check, request->headers, request->header_texts.count, body);
    puts(signature_result_name(result));
    return cli_finish(request->command, result == SIGNATURE_OK ? CLI_OK : CLI_FAILED);
}

static int verify_vectors(const struct request *request, struct str text) {
    struct vectors_result result;
    struct strbuf report = {0};
    struct err_detail detail;
    int status;
    if (signature_vectors_run(text, &result, &report, &detail) == ERR_NONE) {
        fputs(strbuf_str(&report).at, stdout);
        printf("%zu passed, %zu failed, %zu different where implementations are known to differ\n", result.passed,
               result.failed, result.different);
        status = cli_finish(request->command, result.failed == 0 ? CLI_OK : CLI_FAILED);
    } else {
        status = cli_failed(request->command, "%s:%s", input_name(request->vectors), detail.text);
    }
    strbuf_clear(&report);
    return status;
}

static int verify(const struct request *request) {
    struct arena *arena = arena_new(0);
    struct str text;
    int status = CLI_FAILED;
    if (input_read(request->command, arena, request->vectors != NULL ? request->vectors : request->path, &text))
        status = request->vectors != NULL ? verify_vectors(request, text) : verify_body(request, text);
    arena_free(arena);
    return status;
}

static void request_clear(struct request *request) {
    for (size_t i = 0; i < request->key_count; i++)
        signature_key_free(request->keys[i]);
    mem_free(request->keys);
    mem_free(request->headers);
    cli_list_clear(&request->secrets);
    cli_list_clear(&request->header_texts);
}

int cmd_verify(int argc, char **argv) {
    struct request request = {.command = argv[0], .path = "-"};
    const struct cli_option options[] = {{"secret", CLI_LIST, &request.secrets},
                                         {"header", CLI_LIST, &request.header_texts},
                                         {"tolerance", CLI_TEXT, &request.tolerance},
                                         {"now", CLI_TEXT, &request.now},
                                         {"vectors", CLI_TEXT, &request.vectors}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && argc - first > (request.vectors != NULL ? 0 : 1))
        status = cli_misused(argv[0], "there is one FILE at most");
    if (status == CLI_GO_ON && first < argc)
        request.path = argv[first];
    if (status == CLI_GO_ON && request.vectors == NULL)
        status = prepare(&request);
    if (status == CLI_GO_ON)
        status = verify(&request);
    request_clear(&request);
    return status;
}
