/* The built-in schemes are read with every catalogue: a few hundred bytes, and everything of a catalogue has one owner.
 */
#include "proxy/decide/scheme_load.h"

#include "proxy/decide/catalog_path.h"
#include "schemes_json.h"

/* A choice among names, by its position; `otherwise` where the member is missing. */
static int read_choice(struct reader *reader, const struct json *object, const char *key, const char *const *names,
                       int otherwise) {
    struct str text = reader_text(reader, object, key, READER_OPTIONAL);
    struct strbuf known = {0};
    if (text.at == NULL)
        return otherwise;
    for (int i = 0; names[i] != NULL; i++) {
        if (str_eq(text, str_of(names[i]))) {
            strbuf_clear(&known);
            return i;
        }
        strbuf_printf(&known, "%s\"%s\"", i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ", names[i]);
    }
    reader_problem(reader, json_get(object, str_of(key)), "\"%s\" must be %s", key, known.at);
    strbuf_clear(&known);
    return otherwise;
}

static bool part_find(struct str name, enum scheme_part *part) {
    static const char *const names[] = {
        [PART_TEXT] = "",         [PART_BODY] = "body", [PART_TIME] = "t",   [PART_ID] = "id",
        [PART_METHOD] = "method", [PART_URL] = "url",   [PART_PATH] = "path"};
    for (int i = 1; i < (int)ARRAY_LEN(names); i++)
        if (str_eq(name, str_of(names[i]))) {
            *part = (enum scheme_part)i;
            return true;
        }
    return false;
}

static bool signs(const struct scheme *scheme, enum scheme_part part) {
    for (size_t i = 0; i < scheme->signed_count; i++)
        if (scheme->signed_pieces[i].part == part)
            return true;
    return false;
}

static void read_signed(struct reader *reader, const struct json *object, struct scheme *scheme) {
    struct str text = reader_text(reader, object, "signed", READER_REQUIRED), rest = text, piece;
    const struct json *at = json_get(object, STR("signed"));
    struct scheme_piece *pieces = ARENA_ARRAY(reader->arena, SCHEME_PIECE_MAX, struct scheme_piece);
    bool is_variable = false;
    scheme->signed_pieces = pieces;
    while (rest.len > 0) {
        if (scheme->signed_count == SCHEME_PIECE_MAX || !template_next_piece(&rest, &piece, &is_variable)) {
            reader_problem(reader, at, "\"" STR_FMT "\": a brace has no counterpart, or there are more than %d parts",
                           STR_ARG(text), SCHEME_PIECE_MAX);
            return;
        }
        struct scheme_piece *made = &pieces[scheme->signed_count++];
        made->text = piece;
        if (is_variable && !part_find(piece, &made->part))
            reader_problem(reader, at,
                           "there is no {" STR_FMT "} to sign; there are {body}, {t}, {id}, {method}, {url} "
                           "and {path}",
                           STR_ARG(piece));
    }
    if (text.at != NULL && !signs(scheme, PART_BODY))
        reader_problem(reader, at, "\"signed\" must have {body} in it, or any body would pass");
}

/* "header:NAME"; what else stands there is the caller's. */
static bool read_header_name(struct reader *reader, struct str text, const struct json *at, struct str *name) {
    static const struct str prefix = {"header:", 7};
    if (!str_starts_with(text, prefix))
        return false;
    *name = str_from(text, prefix.len);
    if (!http_name_is_valid(*name))
        reader_problem(reader, at, "\"" STR_FMT "\" names no header; expected header:NAME", STR_ARG(text));
    return true;
}

static void read_time_and_id(struct reader *reader, const struct json *object, struct scheme *scheme) {
    static const struct str code = {"{t}", 3};
    struct str time = reader_text(reader, object, "time", READER_OPTIONAL);
    struct str id = reader_text(reader, object, "id", READER_OPTIONAL);
    const struct json *at = json_get(object, STR("time"));
    scheme->has_time = time.at != NULL;
    if (time.at != NULL && !read_header_name(reader, time, at, &scheme->time_header)) {
        if (str_ends_with(time, code) && time.len > code.len)
            scheme->time_before = str_slice(time.at, time.len - code.len);
        else
            reader_problem(reader, at, "\"time\" must be header:NAME, or an entry of the header such as t={t}");
    }
    if (id.at != NULL && !read_header_name(reader, id, json_get(object, STR("id")), &scheme->id_header))
        reader_problem(reader, json_get(object, STR("id")), "\"id\" must be header:NAME");
    if (signs(scheme, PART_TIME) != scheme->has_time)
        reader_problem(reader, object, "\"time\" says where {t} of \"signed\" stands: both or neither");
    if (signs(scheme, PART_ID) != (id.at != NULL))
        reader_problem(reader, object, "\"id\" says where {id} of \"signed\" stands: both or neither");
}

static void read_entry(struct reader *reader, const struct json *object, struct scheme *scheme) {
    static const struct str code = {"{code}", 6};
    struct str entry = reader_text(reader, object, "entry", READER_OPTIONAL);
    struct str separator = reader_text(reader, object, "separator", READER_OPTIONAL);
    scheme->before = scheme->after = STR("");
    scheme->separator = separator.len == 1 ? separator.at[0] : ',';
    if (separator.len > 1)
        reader_problem(reader, json_get(object, STR("separator")), "\"separator\" must be one character");
    ptrdiff_t at = entry.at == NULL ? 0 : str_find(entry, code);
    if (entry.at == NULL)
        return;
    if (at < 0) {
        reader_problem(reader, json_get(object, STR("entry")), "\"entry\" must have {code} in it, as in v1={code}");
        return;
    }
    scheme->before = str_slice(entry.at, (size_t)at);
    scheme->after = str_from(entry, (size_t)at + code.len);
}

static void read_scheme(struct reader *reader, const struct json *object, struct scheme *scheme) {
    static const char *const encodings[] = {"hex", "base64", NULL};
    static const char *const keys[] = {"text", "base64", "hex", "whsec", NULL};
    static const char *const digests[] = {"hmac-sha256", "hmac-sha1", "hmac-sha512", NULL};
    *scheme = (struct scheme){.name = object->key};
    if (!reader_expect(reader, object, JSON_OBJECT))
        return;
    reader_expect_members(reader, object, SECTION_SCHEME);
    scheme->is_standard = json_is_true(reader_member(reader, object, "standard", JSON_BOOL, READER_OPTIONAL));
    if (scheme->is_standard) {
        if (object->count > 1)
            reader_problem(reader, object, "\"standard\" is Standard Webhooks as it is: nothing else stands beside it");
        return;
    }
    scheme->header = reader_text(reader, object, "header", READER_REQUIRED);
    if (scheme->header.at != NULL && !http_name_is_valid(scheme->header))
        reader_problem(reader, json_get(object, STR("header")), "\"header\" must be the name of a header");
    read_entry(reader, object, scheme);
    read_signed(reader, object, scheme);
    read_time_and_id(reader, object, scheme);
    scheme->encoding = (enum scheme_encoding)read_choice(reader, object, "encoding", encodings, ENCODING_HEX);
    scheme->key = (enum scheme_key)read_choice(reader, object, "key", keys, KEY_TEXT);
    scheme->digest = (enum hmac_digest)read_choice(reader, object, "algorithm", digests, HMAC_SHA256);
}

const struct scheme *scheme_find(const struct scheme_list *list, struct str name) {
    for (size_t i = 0; i < list->count; i++)
        if (str_eq_nocase(list->schemes[i].name, name))
            return &list->schemes[i];
    return NULL;
}

void schemes_read(struct reader *reader, const struct json *object, struct scheme_list *list) {
    const struct json_limits limits = {.depth = 4, .values = 1000, .comments = true, .unique_keys = true};
    struct str text = str_slice((const char *)schemes_json, schemes_json_len);
    struct reader own = {reader->arena, text, "schemes.json", reader->problems, 0};
    struct json *root = NULL;
    if (json_parse(reader->arena, text, &limits, &root, NULL) != ERR_NONE)
        return; /* a bug of this program, which the unit tests find */
    struct scheme *made = ARENA_ARRAY(reader->arena, root->count + (object == NULL ? 0 : object->count), struct scheme);
    *list = (struct scheme_list){.schemes = made};
    for (const struct json *member = root->first; member != NULL; member = member->next)
        read_scheme(&own, member, &made[list->count++]);
    for (const struct json *member = object == NULL ? NULL : object->first; member != NULL; member = member->next) {
        if (scheme_find(list, member->key) != NULL)
            reader_problem(reader, member, "the scheme \"" STR_FMT "\" is built in; choose another name",
                           STR_ARG(member->key));
        else
            read_scheme(reader, member, &made[list->count++]);
    }
}
