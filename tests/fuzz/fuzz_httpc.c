/* The first byte says how the rest is cut into pieces, and whether it answers a HEAD. An answer is read out of it, once
 * whole and once in pieces: both times the same must come of it, and it must be within the limits. What is left over
 * once the answer is whole was asked for by nobody. */
#include "common/httpc_parse.h"

#include "common/mem.h"

#include <stdlib.h>

enum { BODY_MOST = 1000, ANSWERS_HEAD = 0x80 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

struct outcome {
    struct httpc_parser parser;
    enum httpc_parse result;
    size_t used;
};

static void check(const struct outcome *outcome) {
    const struct httpc_parser *parser = &outcome->parser;
    struct str body = httpc_parser_body(parser);
    int64_t retry_after_ms = httpc_parser_retry_after_ms(parser);
    require(parser->body_len <= BODY_MOST && body.len <= parser->body_len);
    require(outcome->result == HTTPC_PARSE_DONE || outcome->result == HTTPC_PARSE_FAILED);
    require((outcome->result == HTTPC_PARSE_FAILED) == (parser->fault != HTTPC_FAULT_NONE));
    require(retry_after_ms >= -1 && retry_after_ms <= INT64_C(365) * 24 * 3600 * 1000);
    if (outcome->result != HTTPC_PARSE_DONE)
        return;
    require(parser->status >= 200 && parser->status <= 999);
    require(parser->body_len == 0 || (!parser->answers_head && parser->status != 204 && parser->status != 304));
}

static void read_answer(struct outcome *outcome, struct str data, size_t piece, bool answers_head) {
    size_t len = data.len;
    httpc_parser_begin(&outcome->parser, BODY_MOST, answers_head);
    outcome->result = HTTPC_PARSE_MORE;
    while (outcome->result == HTTPC_PARSE_MORE && data.len > 0) {
        size_t used = 0, now = data.len < piece ? data.len : piece;
        char *exact = mem_copy(data.at, now); /* so that reading past its end is seen */
        outcome->result = httpc_parser_feed(&outcome->parser, str_slice(exact, now), &used);
        mem_free(exact);
        require(used <= now && (outcome->result != HTTPC_PARSE_MORE || used == now));
        data = str_from(data, used);
    }
    if (outcome->result == HTTPC_PARSE_MORE)
        outcome->result = httpc_parser_end(&outcome->parser);
    outcome->used = len - data.len;
    check(outcome);
}

static void compare(const struct outcome *a, const struct outcome *b) {
    require(a->result == b->result && a->parser.fault == b->parser.fault);
    if (a->result != HTTPC_PARSE_DONE)
        return;
    require(a->used == b->used && a->parser.status == b->parser.status);
    require(a->parser.keeps_alive == b->parser.keeps_alive);
    require(a->parser.body_len == b->parser.body_len);
    require(str_eq(httpc_parser_body(&a->parser), httpc_parser_body(&b->parser)));
    require(a->parser.has_retry_after == b->parser.has_retry_after &&
            a->parser.retry_after_len == b->parser.retry_after_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct str bytes = str_slice((const char *)data + 1, size - 1);
    bool answers_head = (data[0] & ANSWERS_HEAD) != 0;
    struct outcome whole = {0}, pieces = {0};
    read_answer(&whole, bytes, SIZE_MAX, answers_head);
    read_answer(&pieces, bytes, 1 + data[0] % 64, answers_head);
    compare(&whole, &pieces);
    return 0;
}
