#include "common/clock.h"
#include "common/json_writer.h"
#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/decide/signature.h"

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
    fwrite(out.at, 1, out.len, stdout);
    strbuf_clear(&out);
}

struct request {
    const char *secret, *id, *timestamp, *path;
    bool as_json;
};

static int sign(const char *command, const struct request *request, const struct signature_key *key, int64_t time_s) {
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
    const struct http_header headers[] = {
        {STR("webhook-id"), id},
        {STR("webhook-timestamp"), arena_printf(arena, "%lld", (long long)time_s)},
        {STR("webhook-signature"), signature_sign(key, id, time_s, body, arena)},
    };
    print_headers(headers, ARRAY_LEN(headers), request->as_json);
    status = cli_finish(command, CLI_OK);
out:
    arena_free(arena);
    return status;
}

static int check_and_sign(const char *command, const struct request *request) {
    struct signature_key *key = NULL;
    struct err_detail detail;
    int64_t time_s = clock_wall_ms() / 1000;
    int status;
    if (request->secret == NULL)
        return cli_misused(command, "--secret is missing");
    if (request->id != NULL && request->id[0] == '\0')
        return cli_misused(command, "--id is empty");
    if (request->timestamp != NULL && (!str_to_i64(str_of(request->timestamp), &time_s) || time_s < 0))
        return cli_misused(command, "--timestamp must be unix seconds");
    if (signature_key_new(str_of(request->secret), &key, &detail) != ERR_NONE)
        return cli_misused(command, "--secret: %s", detail.text);
    if (signature_key_can_sign(key))
        status = sign(command, request, key, time_s);
    else
        status = cli_misused(command, "--secret: a public key cannot sign");
    signature_key_free(key);
    return status;
}

int cmd_sign(int argc, char **argv) {
    struct request request = {.path = "-"};
    const struct cli_option options[] = {{"secret", CLI_TEXT, &request.secret},
                                         {"id", CLI_TEXT, &request.id},
                                         {"timestamp", CLI_TEXT, &request.timestamp},
                                         {"json", CLI_FLAG, &request.as_json}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (argc - first > 1)
        return cli_misused(argv[0], "there is one FILE at most");
    if (first < argc)
        request.path = argv[first];
    return check_and_sign(argv[0], &request);
}
