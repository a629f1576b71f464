/* Lines "name: value", an empty line, a body. Nothing verifies that was not signed; and whatever the id and the body
 * are, what we sign ourselves does. The first line is taken for a secret as well. */
#include "proxy/decide/signature.h"

#include <stdlib.h>

enum { HEADER_MAX = 16, NOW_S = 1741680930 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static size_t cut_headers(struct str *rest, struct http_header *headers) {
    struct str line, name;
    size_t count = 0;
    while (count < HEADER_MAX && str_next(rest, '\n', &line) && line.len > 0)
        if (str_next(&line, ':', &name) && line.at != NULL)
            headers[count++] = (struct http_header){str_trim(name), str_trim(line)};
    return count;
}

static void check_own(const struct signature_key *key, const struct signature_check *check, struct str id,
                      struct str body) {
    struct arena *arena = arena_new(0);
    const struct http_header headers[] = {{STR("webhook-id"), id},
                                          {STR("webhook-timestamp"), STR("1741680930")},
                                          {STR("webhook-signature"), signature_sign(key, id, NOW_S, body, arena)}};
    enum signature_result expected = id.len > 0 ? SIGNATURE_OK : SIGNATURE_MISSING_HEADER;
    require(signature_verify(check, headers, ARRAY_LEN(headers), body) == expected);
    arena_free(arena);
}

static void try_secret(struct str secret) {
    struct signature_key *key = NULL;
    struct err_detail detail = {""};
    if (signature_key_new(secret, &key, &detail) != ERR_NONE)
        require(key == NULL && detail.text[0] != '\0');
    signature_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct signature_key *key;
    if (key == NULL)
        require(signature_key_new(STR("whsec_YW4gdW5odXJyaWVkIGtleSBvZiAyNCBi"), &key, NULL) == ERR_NONE);
    const struct signature_check check = {SIGNATURE_ANY_FAMILY, &key, 1, NOW_S, -1};
    struct http_header headers[HEADER_MAX];
    struct str rest = str_slice((const char *)data, size), first = rest;
    (void)str_next(&rest, '\n', &first);
    try_secret(first);
    rest = str_slice((const char *)data, size);
    size_t count = cut_headers(&rest, headers);
    struct str body = rest.at == NULL ? STR("") : rest;
    require(signature_verify(&check, headers, count, body) != SIGNATURE_OK);
    check_own(key, &check, first, body);
    return 0;
}
