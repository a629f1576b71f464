#include "common/clock.h"
#include "common/mem.h"
#include "proxy/app/catalogue.h"
#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/app/signature_vectors.h"

#include <stdio.h>

enum { TOLERANCE_S = 300, HEADER_MAX = 256 /* of a recorded request */ };

struct request {
    const char *command;
    struct cli_list secrets, header_texts, authorizations;
    const char *tolerance, *now, *vectors, *path, *scheme_name, *catalogue;
    bool is_whole; /* the file is a request: line, headers, empty line, body */
    struct catalog *catalog;
    struct signature_key **keys;
    size_t key_count;
    struct http_header *headers;
    size_t header_count;
    struct scheme_check check;
    struct scheme_request what;
};

/* The following return CLI_GO_ON, or the exit status where something is wrong. */

static int read_scheme(struct request *request) {
    struct strbuf problems = {0};
    struct str name = str_of(request->scheme_name != NULL ? request->scheme_name : "standard-webhooks");
    int status = CLI_GO_ON;
    if (catalogue_open(str_of(request->catalogue), &request->catalog, &problems) != ERR_NONE)
        status = cli_misused(request->command, "--catalogue: %s", strbuf_str(&problems).at);
    else if ((request->check.scheme = catalog_scheme_named(request->catalog, name)) == NULL)
        status = cli_misused(request->command, "--scheme: there is no scheme \"%s\"", request->scheme_name);
    strbuf_clear(&problems);
    return status;
}

static int read_secrets(struct request *request) {
    struct err_detail detail;
    request->keys = MEM_ARRAY(request->secrets.count + 1, struct signature_key *);
    for (size_t i = 0; i < request->secrets.count; i++, request->key_count++)
        if (scheme_key_new(request->check.scheme, str_of(request->secrets.items[i]), &request->keys[i], &detail) !=
            ERR_NONE)
            return cli_misused(request->command, "--secret: %s", detail.text);
    if (request->key_count == 0 && request->authorizations.count == 0)
        return cli_misused(request->command, "--secret is missing");
    return CLI_GO_ON;
}

/* "name: value" */
static bool read_header(struct str line, struct http_header *header) {
    struct str value = line, name;
    if (!str_next(&value, ':', &name) || value.at == NULL || str_trim(name).len == 0)
        return false;
    *header = (struct http_header){str_trim(name), str_trim(value)};
    return true;
}

static int read_headers(struct request *request) {
    request->headers = MEM_ARRAY(request->header_texts.count + HEADER_MAX, struct http_header);
    for (size_t i = 0; i < request->header_texts.count; i++)
        if (!read_header(str_of(request->header_texts.items[i]), &request->headers[request->header_count++]))
            return cli_misused(request->command, "--header must be like 'name: value'");
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
    request->check = (struct scheme_check){.now_s = clock_wall_ms() / 1000, .tolerance_s = TOLERANCE_S};
    int status = read_scheme(request);
    if (status == CLI_GO_ON)
        status = read_secrets(request);
    if (status == CLI_GO_ON)
        status = read_headers(request);
    if (status == CLI_GO_ON)
        status = read_seconds(request, "--tolerance", request->tolerance, &request->check.tolerance_s);
    if (status == CLI_GO_ON)
        status = read_seconds(request, "--now", request->now, &request->check.now_s);
    request->check.keys = request->keys;
    request->check.key_count = request->key_count;
    return status;
}

static struct str cut_line(struct str *text) {
    struct str line = *text;
    const char *end = text->len == 0 ? NULL : memchr(text->at, '\n', text->len);
    size_t len = end == NULL ? text->len : (size_t)(end - text->at);
    line.len = len;
    *text = str_from(*text, end == NULL ? len : len + 1);
    return str_trim(line);
}

/* A request as it was recorded: "POST /path HTTP/1.1" (which may be missing), headers, an empty line, the body. */
static bool read_whole(struct request *request, struct str text) {
    struct str rest = text, before = text, line = cut_line(&rest), method, target;
    struct str words = line;
    bool has_request_line = str_find(line, STR(" HTTP/")) > 0;
    if (has_request_line && str_next(&words, ' ', &method) && str_next(&words, ' ', &target)) {
        request->what.method = method;
        request->what.target = target;
        before = rest;
    }
    for (rest = before, line = cut_line(&rest); line.len > 0; line = cut_line(&rest)) {
        if (request->header_count == request->header_texts.count + HEADER_MAX ||
            !read_header(line, &request->headers[request->header_count]))
            return false;
        request->header_count++;
    }
    request->what.body = rest;
    return true;
}

static bool is_authorized(const struct request *request) {
    struct str value = http_header_get(request->headers, request->header_count, STR("authorization"));
    bool matches = false;
    for (size_t i = 0; i < request->authorizations.count; i++)
        matches |= str_eq(value, str_of(request->authorizations.items[i]));
    return matches;
}

static int verify_body(struct request *request, struct arena *arena, struct str text) {
    int64_t off_s = 0;
    request->what.method = STR("POST");
    request->what.target = STR("/");
    request->what.body = text;
    if (request->is_whole && !read_whole(request, text))
        return cli_failed(request->command, "%s: this is no request: headers, an empty line, the body",
                          input_name(request->path));
    request->what.headers = request->headers;
    request->what.header_count = request->header_count;
    request->what.url =
        ARENA_JOIN(arena, STR("https://"), http_header_get(request->headers, request->header_count, STR("host")),
                   request->what.target);
    enum signature_result result = SIGNATURE_MISSING_HEADER;
    if (request->key_count > 0)
        result = scheme_verify(&request->check, &request->what, &off_s);
    if (result != SIGNATURE_OK && is_authorized(request))
        result = SIGNATURE_OK;
    puts(signature_result_name(result));
    if (result == SIGNATURE_TOO_OLD || result == SIGNATURE_TOO_NEW)
        fprintf(stderr, "the signature's time is off by %lld s\n", (long long)off_s);
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

static int verify(struct request *request) {
    struct arena *arena = arena_new(0);
    struct str text;
    int status = CLI_FAILED;
    if (input_read(request->command, arena, request->vectors != NULL ? request->vectors : request->path, &text))
        status = request->vectors != NULL ? verify_vectors(request, text) : verify_body(request, arena, text);
    arena_free(arena);
    return status;
}

static void request_clear(struct request *request) {
    for (size_t i = 0; i < request->key_count; i++)
        signature_key_free(request->keys[i]);
    mem_free(request->keys);
    mem_free(request->headers);
    catalog_free(request->catalog);
    cli_list_clear(&request->authorizations);
    cli_list_clear(&request->secrets);
    cli_list_clear(&request->header_texts);
}

int cmd_verify(int argc, char **argv) {
    struct request request = {.command = argv[0], .path = "-"};
    const struct cli_option options[] = {{"secret", CLI_LIST, &request.secrets},
                                         {"header", CLI_LIST, &request.header_texts},
                                         {"authorization", CLI_LIST, &request.authorizations},
                                         {"scheme", CLI_TEXT, &request.scheme_name},
                                         {"catalogue", CLI_TEXT, &request.catalogue},
                                         {"request", CLI_FLAG, &request.is_whole},
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
