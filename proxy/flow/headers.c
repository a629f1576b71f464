#include "proxy/flow/headers.h"

#include "common/random.h"

static bool is_of_connection(struct str name) {
    static const struct str names[] = {
        {"connection", 10},          {"keep-alive", 10}, {"proxy-connection", 16}, {"proxy-authenticate", 18},
        {"proxy-authorization", 19}, {"te", 2},          {"trailer", 7},           {"upgrade", 7},
        {"transfer-encoding", 17},   {"host", 4},        {"content-length", 14},   {"expect", 6},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, names[i]))
            return true;
    return false;
}

static char folded(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ? c : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : '-';
}

/* CGI, WSGI and their kin know a header by its letters and digits alone, so that "x_key" and "X-Key" are one to them.
 */
static bool is_same_name(struct str a, struct str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (folded(a.at[i]) != folded(b.at[i]))
            return false;
    return true;
}

static bool is_of_family(struct str name, struct str prefix) {
    return name.len >= prefix.len && is_same_name(str_slice(name.at, prefix.len), prefix);
}

static bool is_named_in(struct str list, struct str name) {
    struct str piece, rest = list;
    while (str_next(&rest, ',', &piece))
        if (is_same_name(str_trim(piece), name))
            return true;
    return false;
}

/* Written with dashes these are stripped, set by us, or what a consumer or a proxy before it believes in. */
static bool is_of_ours(struct str name) {
    static const char *const families[] = {"hookshift-", "webhook-", "svix-", "x-forwarded-", "content-", "accept-"};
    static const char *const names[] = {
        "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "transfer-encoding",
        "user-agent", "repr-digest",      "x-real-ip",          "x-api-key",           "api-key",
        "x-auth",     "x-auth-token",
    };
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        if (is_of_family(name, str_of(families[i])))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (is_same_name(name, str_of(names[i])))
            return true;
    return false;
}

/* One of ours in another spelling than with dashes: "webhook_id". */
static bool is_disguised(struct str name) {
    for (size_t i = 0; i < name.len; i++)
        if (folded(name.at[i]) == '-' && name.at[i] != '-')
            return is_of_ours(name);
    return false;
}

/* `connections`: how many of the headers are Connection, which is none of them nearly always. */
static bool is_passed_on(const struct http_header *headers, size_t count, size_t connections, struct str name) {
    if (is_of_connection(name) || is_disguised(name))
        return false;
    if (is_of_family(name, STR("hookshift-")))
        return str_eq_nocase(name, STR("hookshift-instance"));
    for (size_t i = 0; i < count && connections > 0; i++)
        if (str_eq_nocase(headers[i].name, STR("connection")) && is_named_in(headers[i].value, name))
            return false;
    return true;
}

static bool is_one_of(struct str name, const char *const *names) {
    for (; *names != NULL; names++)
        if (str_eq_nocase(name, str_of(*names)))
            return true;
    return false;
}

static bool is_chosen(struct str name, struct headers_choice choice) {
    static const char *const written_anew[] = {"forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
                                               NULL};
    static const char *const of_encoded[] = {"content-encoding", "content-digest", "repr-digest",
                                             "digest",           "content-md5",    NULL};
    char first = name.len > 0 ? (char)(name.at[0] | 0x20) : '\0';
    switch (first) { /* nearly all begin with another letter */
    case 'f':
    case 'x':
        if (is_one_of(name, written_anew))
            return false;
        return choice.is_trusted || (!is_of_family(name, STR("x-forwarded-")) && !is_same_name(name, STR("x-real-ip")));
    case 'c':
    case 'd':
    case 'r':
        return !choice.was_decoded || !is_one_of(name, of_encoded);
    default:
        return true;
    }
}

struct str headers_encode(struct arena *arena, const struct http_header *headers, size_t count,
                          struct headers_choice choice) {
    size_t len = 0, connections = 0;
    for (size_t i = 0; i < count; i++) {
        len += headers[i].name.len + headers[i].value.len + 2;
        connections += str_eq_nocase(headers[i].name, STR("connection")) ? 1 : 0;
    }
    char *text = arena_take(arena, len);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct str name = headers[i].name, value = headers[i].value;
        if (!is_passed_on(headers, count, connections, name) || !is_chosen(name, choice))
            continue;
        memcpy(text + used, name.at, name.len);
        used += name.len;
        text[used++] = ':';
        if (value.len > 0)
            memcpy(text + used, value.at, value.len);
        used += value.len;
        text[used++] = '\n'; /* a value cannot hold one: the parser refuses it */
    }
    return str_slice(text, used);
}

void headers_decode(struct arena *arena, struct str text, struct header_list *list) {
    struct str line, rest = text;
    while (str_next(&rest, '\n', &line)) {
        ptrdiff_t colon = str_find(line, STR(":"));
        if (colon > 0 && !is_disguised(str_slice(line.at, (size_t)colon)))
            headers_add(arena, list, str_slice(line.at, (size_t)colon), str_from(line, (size_t)colon + 1));
    }
}

void headers_add(struct arena *arena, struct header_list *list, struct str name, struct str value) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 32 : list->capacity * 2;
        struct http_header *larger = ARENA_ARRAY(arena, capacity, struct http_header);
        if (list->count > 0)
            memcpy(larger, list->items, list->count * sizeof *larger);
        list->items = larger;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct http_header){name, value};
}

void headers_remove(struct header_list *list, struct str name) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!is_same_name(list->items[i].name, name))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

void headers_remove_family(struct header_list *list, struct str prefix) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!is_of_family(list->items[i].name, prefix))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

void headers_set(struct arena *arena, struct header_list *list, struct str name, struct str value) {
    headers_remove(list, name);
    headers_add(arena, list, name, value);
}

bool headers_hold_mark(const struct http_header *headers, size_t count, struct str mark) {
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(headers[i].name, STR("hookshift-instance")) && is_named_in(headers[i].value, mark))
            return true;
    return false;
}

struct str headers_get(const struct header_list *list, struct str name) {
    return http_header_get(list->items, list->count, name);
}

static bool is_lower_hex(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (!((text.at[i] >= '0' && text.at[i] <= '9') || (text.at[i] >= 'a' && text.at[i] <= 'f')))
            return false;
    return true;
}

static bool is_zero(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '0')
            return false;
    return true;
}

/* https://www.w3.org/TR/trace-context/#traceparent-header: version-traceid-parentid-flags in lower-case hex; ff is no
 * version, ids of zeros are none, and later versions may have more behind a further dash. */
static bool is_trace_parent(struct str value) {
    if (value.len < 55 || value.at[2] != '-' || value.at[35] != '-' || value.at[52] != '-')
        return false;
    struct str version = str_slice(value.at, 2), trace = str_slice(value.at + 3, 32);
    struct str parent = str_slice(value.at + 36, 16), trace_flags = str_slice(value.at + 53, 2);
    if (!is_lower_hex(version) || !is_lower_hex(trace) || !is_lower_hex(parent) || !is_lower_hex(trace_flags))
        return false;
    if (is_zero(trace) || is_zero(parent) || str_eq(version, STR("ff")))
        return false;
    return value.len == 55 || (!is_zero(version) && value.at[55] == '-');
}

struct str headers_trace_parent(struct arena *arena, const struct http_header *headers, size_t count) {
    struct str sent = http_header_get(headers, count, STR("traceparent"));
    if (is_trace_parent(sent))
        return sent;
    unsigned char random[24];
    char hex[48];
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        hex[2 * i] = "0123456789abcdef"[random[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
    }
    return ARENA_JOIN(arena, STR("00-"), str_slice(hex, 32), STR("-"), str_slice(hex + 32, 16), STR("-01"));
}
