#include "common/clock.h"
#include "common/json_writer.h"
#include "common/mem.h"
#include "proxy/app/catalogue.h"
#include "proxy/app/cli.h"
#include "proxy/app/input.h"

#include <stdio.h>
#include <unistd.h>

/* An id nobody else has: it is what receivers deduplicate by. Absent where the system has no randomness. */
static struct str random_id(struct arena *arena) {
    unsigned char bytes[12];
    char digits[2 * sizeof bytes + 1];
    if (getentropy(bytes, sizeof bytes) != 0)
        return STR_NONE;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
    return arena_printf(arena, "msg_%s", digits);
}

static void print_headers(const struct http_header *headers, size_t count, bool as_json) {
    struct strbuf out = {0};
    struct json_writer writer;
    json_begin(&writer, &out);
    if (as_json)
        json_object_begin(&writer);
    for (size_t i = 0; i < count; i++) {
        if (as_json) {
            json_key_str(&writer, headers[i].name);
            json_str(&writer, headers[i].value);
        } else {
            strbuf_printf(&out, STR_FMT ": " STR_FMT "\n", STR_ARG(headers[i].name), STR_ARG(headers[i].value));
        }
    }
    if (as_json) {
        json_object_end(&writer);
        strbuf_append_char(&out, '\n');
    }
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
}

struct request {
    struct cli_list secrets;
    const char *id, *timestamp, *path, *scheme_name, *catalogue, *url;
    const struct scheme *scheme;
    bool as_json;
};

static int sign(const char *command, const struct request *request, struct signature_key *const *keys, int64_t time_s) {
    struct arena *arena = arena_new(0);
    struct str body;
    int status = CLI_FAILED;
    if (!input_read(command, arena, request->path, &body))
        goto out;
    struct str id = request->id != NULL ? str_of(request->id) : random_id(arena);
    if (id.at == NULL) {
        status = cli_failed(command, "the system has no randomness for an id");
        goto out;
    }
    struct http_header headers[SCHEME_HEADER_MAX] = {{STR("webhook-id"), id},
                                                     {STR("webhook-timestamp"), arena_i64(arena, time_s)},
                                                     {STR("webhook-signature"), STR_NONE}};
    const struct scheme_request what = {.method = STR("POST"), .url = str_of(request->url), .body = body};
    size_t count = 3;
    if (request->scheme->is_standard)
        headers[2].value = signature_sign_all(keys, request->secrets.count, id, time_s, body, arena);
    else
        count = scheme_sign(request->scheme, keys, request->secrets.count, &what, id, time_s, arena, headers);
    print_headers(headers, count, request->as_json);
    status = cli_finish(command, CLI_OK);
out:
    arena_free(arena);
    return status;
}

/* Keys that are made already are the caller's also after a mistake. */
static int read_keys(const char *command, const struct request *request, struct signature_key **keys) {
    struct err_detail detail;
    for (size_t i = 0; i < request->secrets.count; i++) {
        struct str secret = str_of(request->secrets.items[i]);
        if (scheme_key_new(request->scheme, secret, &keys[i], &detail) != ERR_NONE)
            return cli_misused(command, "--secret: %s", detail.text);
        if (!signature_key_can_sign(keys[i]))
            return cli_misused(command, "--secret: a public key cannot sign");
    }
    return CLI_GO_ON;
}

static int check_and_sign(const char *command, const struct request *request) {
    int64_t time_s = clock_wall_ms() / 1000;
    int status;
    if (request->secrets.count == 0)
        return cli_misused(command, "--secret is missing");
    if (request->id != NULL && request->id[0] == '\0')
        return cli_misused(command, "--id is empty");
    if (request->timestamp != NULL && (!str_to_i64(str_of(request->timestamp), &time_s) || time_s < 0))
        return cli_misused(command, "--timestamp must be unix seconds");
    struct signature_key **keys = MEM_ARRAY(request->secrets.count, struct signature_key *);
    status = read_keys(command, request, keys);
    if (status == CLI_GO_ON)
        status = sign(command, request, keys, time_s);
    for (size_t i = 0; i < request->secrets.count; i++)
        signature_key_free(keys[i]);
    mem_free((void *)keys);
    return status;
}

static int sign_by_scheme(const char *command, struct request *request) {
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    const char *name = request->scheme_name != NULL ? request->scheme_name : "standard-webhooks";
    int status;
    if (catalogue_open(str_of(request->catalogue), &catalog, &problems) != ERR_NONE)
        status = cli_misused(command, "--catalogue: %s", strbuf_str(&problems).at);
    else if ((request->scheme = catalog_scheme_named(catalog, str_of(name))) == NULL)
        status = cli_misused(command, "--scheme: there is no scheme \"%s\"", name);
    else
        status = check_and_sign(command, request);
    strbuf_clear(&problems);
    catalog_free(catalog);
    return status;
}

int cmd_sign(int argc, char **argv) {
    struct request request = {.path = "-"};
    const struct cli_option options[] = {
        {"secret", CLI_LIST, &request.secrets},      {"id", CLI_TEXT, &request.id},
        {"timestamp", CLI_TEXT, &request.timestamp}, {"scheme", CLI_TEXT, &request.scheme_name},
        {"catalogue", CLI_TEXT, &request.catalogue}, {"url", CLI_TEXT, &request.url},
        {"json", CLI_FLAG, &request.as_json}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (first < argc)
        request.path = argv[first];
    status = argc - first > 1 ? cli_misused(argv[0], "there is one FILE at most") : sign_by_scheme(argv[0], &request);
    cli_list_clear(&request.secrets);
    return status;
}
