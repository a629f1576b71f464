/* What goes out: the sender's end-to-end headers and body, with as little changed as can be. */
#include "proxy/flow/delivery.h"

#include "common/url.h"
#include "proxy/decide/classify.h"
#include "proxy/decide/trim.h"

/* Servers refuse a header line that is too long for them: nginx one of 8 KiB, and whatever comes with it. */
enum { COVERED_MOST = 4000 };

static const struct endpoint_settings *settings_of(const struct service *service, const struct delivery *delivery) {
    return &service->settings->endpoints[delivery->record.endpoint];
}

/* The query of the request without its question mark; empty where there is none. */
static struct str query_of(struct str target) {
    ptrdiff_t mark = str_find(target, STR("?"));
    return mark < 0 ? STR("") : str_from(target, (size_t)mark + 1);
}

/* The endpoint's own URL without a path gets the request's path and query; any other gets the query behind its own. */
static struct str build_url(const struct endpoint_settings *endpoint, const struct delivery *delivery) {
    struct url url;
    struct str text = settings_route(endpoint, delivery->record.type), target = delivery->record.target;
    const char *wrong = url_split(text, &url);
    bool has_path = wrong != NULL || url.path.len > 0 || url.query.len > 0;
    if (text.at == endpoint->url.at && !has_path)
        return ARENA_JOIN(delivery->arena, text, target);
    struct str query = query_of(target);
    if (wrong != NULL || query.len == 0)
        return text;
    return ARENA_JOIN(delivery->arena, text, url.query.len > 0 ? STR("&") : STR("?"), query);
}

/* Names of data types are what senders write: what a header cannot hold, and the comma, are written as %XX. */
static void append_name(struct strbuf *names, struct str name) {
    if (names->len > 0)
        strbuf_append_char(names, ',');
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.at[i];
        if (c <= 0x20 || c == 0x7F || c == ',' || c == '%')
            strbuf_printf(names, "%%%02X", c);
        else
            strbuf_append_char(names, (char)c);
    }
}

/* Not a second time, and not where the body holds another element of that data type, which is not covered. */
static bool is_to_be_named(const struct message *message, size_t item, struct str covered) {
    for (size_t i = 0; i < message->item_count; i++)
        if (i != item && (i < item || !bitmap_has(covered, i)) &&
            str_eq_nocase(message->items[i].data_type, message->items[item].data_type))
            return false;
    return true;
}

/* Each data type once, in the order of the body. A list that would be too long ends in "...": what is left out of the
 * body is left out all the same. */
static struct str name_covered(struct arena *arena, const struct message *message, struct str covered) {
    struct strbuf names = {0};
    for (size_t i = 0; i < message->item_count; i++) {
        size_t before = names.len;
        if (!bitmap_has(covered, i) || message->items[i].data_type.len == 0 || !is_to_be_named(message, i, covered))
            continue;
        append_name(&names, message->items[i].data_type);
        if (names.len <= COVERED_MOST)
            continue;
        names.len = before;
        strbuf_append(&names, before > 0 ? STR(",...") : STR("..."));
        break;
    }
    struct str copy = arena_str(arena, strbuf_str(&names));
    strbuf_clear(&names);
    return copy;
}

/* The body without its covered items; all of it where that is not possible, because twice is better than never. */
static struct str trim(struct delivery *delivery, const struct message *message, struct str covered) {
    bool *left_out = ARENA_ARRAY(delivery->arena, message->item_count, bool);
    struct str body;
    for (size_t i = 0; i < message->item_count; i++)
        left_out[i] = bitmap_has(covered, i);
    if (trim_body(delivery->content.body, message->items, message->item_count, left_out, delivery->arena, &body) !=
        ERR_NONE)
        return delivery->content.body;
    return body;
}

/* What the sender said of the body's bytes (RFC 9530, RFC 3230, RFC 1864) is not so of a shorter one. */
static void remove_digests(struct header_list *headers) {
    static const char *const names[] = {"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        headers_remove(headers, str_of(names[i]));
}

/* The parts that are covered: their elements are found again in the body, which is read only here. */
static void build_partial(const struct service *service, struct delivery *delivery, bool is_trimmed,
                          struct delivery_request *request) {
    struct message message = {.received_ms = delivery->record.received_ms};
    const struct classify_input input = {delivery->content.body, request->headers.items, request->headers.count,
                                         delivery->record.target};
    if (classify_request(service->catalog, &input, delivery->arena, &message, NULL) != ERR_NONE ||
        message.item_count != delivery->record.item_count)
        return; /* another catalogue than at its admission: deliver all of it */
    struct str covered = is_trimmed ? delivery->trimmed : delivery->covered;
    struct str names = name_covered(delivery->arena, &message, covered);
    if (is_trimmed) {
        request->body = trim(delivery, &message, covered);
        remove_digests(&request->headers);
    }
    if (names.len > 0)
        headers_set(delivery->arena, &request->headers, STR("Hookshift-Covered"), names);
}

static void sign_family(const struct service *service, struct delivery *delivery, struct str prefix, struct str id,
                        int64_t now_ms, struct delivery_request *request) {
    struct arena *arena = delivery->arena;
    const struct key_ring *ring = &service->signing[delivery->record.endpoint];
    struct header_list *headers = &request->headers;
    headers_set(arena, headers, ARENA_JOIN(arena, prefix, STR("-id")), id);
    headers_set(arena, headers, ARENA_JOIN(arena, prefix, STR("-timestamp")), arena_i64(arena, now_ms / 1000));
    headers_set(arena, headers, ARENA_JOIN(arena, prefix, STR("-signature")),
                signature_sign_all(ring->keys, ring->count, id, now_ms / 1000, request->body, arena));
}

/* In place of the sender's own headers of the scheme; the id that the sender gave stays. */
static void sign_by_scheme(const struct key_ring *ring, struct delivery *delivery, int64_t now_ms,
                           struct delivery_request *request) {
    struct header_list *headers = &request->headers;
    struct http_header made[SCHEME_HEADER_MAX];
    struct str id = headers_get(headers, ring->scheme->id_header);
    const struct scheme_request what = {.method = STR("POST"), .url = request->url, .body = request->body};
    if (id.len == 0)
        id = message_id_format(delivery->arena, delivery->record.id);
    size_t count = scheme_sign(ring->scheme, ring->keys, ring->count, &what, id, now_ms / 1000, delivery->arena, made);
    for (size_t i = 0; i < count; i++)
        headers_set(delivery->arena, headers, made[i].name, made[i].value);
}

/* Under the sender's webhook-id, in the family of headers that the sender used; a message that came without an id is
 * signed under its own. */
static void build_signature(const struct service *service, struct delivery *delivery, int64_t now_ms,
                            struct delivery_request *request) {
    const struct key_ring *ring = &service->signing[delivery->record.endpoint];
    if (ring->count == 0)
        return;
    if (ring->scheme != NULL && !ring->scheme->is_standard) {
        sign_by_scheme(ring, delivery, now_ms, request);
        return;
    }
    struct str svix = headers_get(&request->headers, STR("svix-id"));
    struct str webhook = headers_get(&request->headers, STR("webhook-id"));
    if (svix.len > 0)
        sign_family(service, delivery, STR("svix"), svix, now_ms, request);
    else
        headers_remove_family(&request->headers, STR("svix-"));
    if (webhook.len > 0 || svix.len == 0)
        sign_family(service, delivery, STR("webhook"),
                    webhook.len > 0 ? webhook : message_id_format(delivery->arena, delivery->record.id), now_ms,
                    request);
}

/* Behind those of the proxies before this one, as CDN-Loop has it (RFC 8586): who finds its own in a request has sent
 * it, however many hops ago. */
static void add_mark(const struct service *service, struct arena *arena, struct header_list *headers) {
    struct str marks = str_of(service->mark);
    for (size_t i = headers->count; i-- > 0;)
        if (str_eq_nocase(headers->items[i].name, STR("Hookshift-Instance")))
            marks = ARENA_JOIN(arena, headers->items[i].value, STR(", "), marks);
    headers_set(arena, headers, STR("Hookshift-Instance"), marks);
}

void delivery_build(const struct service *service, struct delivery *delivery, int64_t now_ms,
                    struct delivery_request *request) {
    const struct endpoint_settings *endpoint = settings_of(service, delivery);
    struct arena *arena = delivery->arena;
    *request = (struct delivery_request){.url = build_url(endpoint, delivery), .body = delivery->content.body};
    headers_decode(arena, delivery->content.headers, &request->headers);
    if (headers_get(&request->headers, STR("content-type")).len == 0)
        headers_set(arena, &request->headers, STR("Content-Type"), STR("application/json"));
    /* By force it goes whole: an operator wants all of it. */
    bool is_trimmed = delivery->trimmed.len > 0 && (delivery->record.marks & RECORD_FORCED) == 0;
    if (is_trimmed || delivery->covered.len > 0)
        build_partial(service, delivery, is_trimmed, request);
    headers_set(arena, &request->headers, STR("Hookshift-Message-Id"), message_id_format(arena, delivery->record.id));
    headers_set(arena, &request->headers, STR("Hookshift-Attempt"),
                arena_i64(arena, (int64_t)delivery->record.attempts + 1));
    add_mark(service, arena, &request->headers);
    if (delivery->is_shadow)
        headers_set(arena, &request->headers, STR("Hookshift-Shadow"), STR("true"));
    headers_set(arena, &request->headers, STR("traceparent"), delivery->record.trace_parent);
    for (size_t i = 0; i < endpoint->headers.count; i++)
        headers_set(arena, &request->headers, endpoint->headers.pairs[i].name, endpoint->headers.pairs[i].value);
    build_signature(service, delivery, now_ms, request);
}
