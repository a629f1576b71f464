#include "proxy/app/signature_vectors.h"

#include "common/base64.h"
#include "common/json.h"
#include "proxy/decide/signature.h"

enum { KEY_MAX = 8, HEADER_MAX = 16, FILE_DEPTH_MAX = 16, FILE_VALUES_MAX = 1000000 };

struct run {
    struct arena *arena;
    struct vectors_result result;
    struct strbuf *report;
};

static struct str text_of(const struct json *object, const char *key) {
    return json_string(json_get(object, str_of(key)));
}

static int64_t number_of(const struct json *object, const char *key, int64_t otherwise) {
    const struct json *value = json_get(object, str_of(key));
    int64_t number;
    return value != NULL && value->type == JSON_NUMBER && str_to_i64(value->text, &number) ? number : otherwise;
}

static void count(struct run *run, const struct json *object, struct str name, struct str expected, struct str actual) {
    bool may_differ = json_is_true(json_get(object, STR("divergence")));
    if (str_eq(expected, actual)) {
        run->result.passed++;
        return;
    }
    *(may_differ ? &run->result.different : &run->result.failed) += 1;
    strbuf_printf(run->report, "%s: " STR_FMT ": expected " STR_FMT ", got " STR_FMT "\n",
                  may_differ ? "different" : "failed", STR_ARG(name), STR_ARG(expected), STR_ARG(actual));
}

static void run_sign(struct run *run, const struct json *object) {
    struct signature_key *key = NULL;
    struct str actual = STR("no key");
    if (signature_key_new(text_of(object, "secret"), &key, NULL) == ERR_NONE && signature_key_can_sign(key))
        actual = signature_sign(key, text_of(object, "msgId"), number_of(object, "timestamp", 0),
                                text_of(object, "payload"), run->arena);
    count(run, object, text_of(object, "id"), text_of(object, "expect"), actual);
    signature_key_free(key);
}

static size_t read_headers(const struct json *list, struct http_header *headers) {
    size_t used = 0;
    for (const struct json *pair = list->first; pair != NULL && used < HEADER_MAX; pair = pair->next)
        if (pair->count == 2)
            headers[used++] = (struct http_header){json_string(pair->first), json_string(pair->first->next)};
    return used;
}

static enum signature_family families_of(const struct json *object) {
    const struct json *list = json_get(object, STR("headerFamilies"));
    int families = 0;
    for (const struct json *name = list == NULL ? NULL : list->first; name != NULL; name = name->next)
        families |= str_eq(json_string(name), STR("svix")) ? SIGNATURE_SVIX : SIGNATURE_WEBHOOK;
    return list == NULL ? SIGNATURE_WEBHOOK : (enum signature_family)families;
}

/* The raw body, which is base64 where it is no text; false where that cannot be read. */
static bool body_of(struct run *run, const struct json *object, struct str *body) {
    struct str encoded = text_of(object, "payloadBase64");
    *body = text_of(object, "payload");
    if (encoded.at == NULL)
        return body->at != NULL;
    unsigned char *bytes = arena_alloc(run->arena, BASE64_DECODED_MAX(encoded.len));
    size_t len;
    if (!base64_decode(encoded, BASE64_PADDED, bytes, &len))
        return false;
    *body = str_slice((const char *)bytes, len);
    return true;
}

static const char *verify_case(struct run *run, const struct json *object, struct signature_key *const *keys,
                               size_t key_count) {
    const struct json *list = json_get(object, STR("headers"));
    struct http_header headers[HEADER_MAX];
    struct str body;
    if (list == NULL || !body_of(run, object, &body))
        return "a case that cannot be read";
    int64_t tolerance_s = number_of(object, "toleranceSeconds", 300);
    if (json_is_true(json_get(object, STR("ignoreTolerance"))))
        tolerance_s = -1;
    const struct signature_check check = {families_of(object), keys, key_count, number_of(object, "now", 0),
                                          tolerance_s};
    return signature_result_name(signature_verify(&check, headers, read_headers(list, headers), body));
}

static void run_verify(struct run *run, const struct json *object) {
    const struct json *secrets = json_get(object, STR("secrets"));
    struct signature_key *keys[KEY_MAX] = {0};
    size_t key_count = 0;
    const char *actual = NULL;
    for (const struct json *secret = secrets == NULL ? NULL : secrets->first; secret != NULL; secret = secret->next) {
        if (key_count == KEY_MAX || signature_key_new(json_string(secret), &keys[key_count], NULL) != ERR_NONE)
            actual = "a secret that was refused";
        else
            key_count++;
    }
    if (actual == NULL)
        actual = verify_case(run, object, keys, key_count);
    count(run, object, text_of(object, "id"), text_of(object, "expect"), str_of(actual));
    for (size_t i = 0; i < key_count; i++)
        signature_key_free(keys[i]);
}

/* Which kind of key it is does not show from outside; that it is taken or refused does. "warn" is taken. */
static void run_secret(struct run *run, const struct json *object) {
    struct signature_key *key = NULL;
    struct str secret = text_of(object, "secret");
    struct str expected = str_eq(text_of(object, "expect"), STR("error")) ? STR("refused") : STR("taken");
    bool taken = signature_key_new(secret, &key, NULL) == ERR_NONE;
    struct str name = arena_printf(run->arena, "secret \"" STR_FMT "\"", STR_ARG(secret));
    count(run, object, name, expected, taken ? STR("taken") : STR("refused"));
    signature_key_free(key);
}

static void run_list(struct run *run, const struct json *root, const char *key,
                     void (*run_case)(struct run *, const struct json *)) {
    const struct json *list = json_get(root, str_of(key));
    for (const struct json *object = list == NULL ? NULL : list->first; object != NULL; object = object->next)
        run_case(run, object);
}

enum err signature_vectors_run(struct str text, struct vectors_result *result, struct strbuf *report,
                               struct err_detail *detail) {
    const struct json_limits limits = {FILE_DEPTH_MAX, FILE_VALUES_MAX, false, false, false};
    struct json *root;
    struct json_error error;
    struct run run = {.arena = arena_new(0), .report = report};
    enum err err = json_parse(run.arena, text, &limits, &root, &error);
    if (err != ERR_NONE) {
        err_set(detail, err, "%u:%u: %s", error.line, error.column, error.what);
        goto out;
    }
    run_list(&run, root, "sign", run_sign);
    run_list(&run, root, "verify", run_verify);
    run_list(&run, root, "secrets", run_secret);
    *result = run.result;
    if (result->passed + result->failed + result->different == 0)
        err = err_set(detail, ERR_INVALID, "there are no vectors in it: no \"sign\", \"verify\" or \"secrets\"");
out:
    arena_free(run.arena);
    return err;
}
