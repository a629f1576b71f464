#include "common/http.h"

#include "common/bytes8.h"

struct str http_header_get(const struct http_header *headers, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(headers[i].name, name))
            return headers[i].value;
    return STR_NONE;
}

/* RFC 9110, 5.6.2 */
static const bool is_token_char[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true,         ['\''] = true,
    ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true,
    ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true, ['a' ... 'z'] = true, ['~'] = true,
};

bool http_name_is_valid(struct str name) {
    bool is_valid = name.len > 0;
    for (size_t i = 0; i < name.len; i++) /* to the end: most are valid */
        is_valid &= is_token_char[(unsigned char)name.at[i]];
    return is_valid;
}

/* The tab is one of them, too: false means that each has to be looked at. */
static uint64_t controls_8(uint64_t bytes) {
    return bytes8_below(bytes, ' ') | bytes8_equal(bytes, 0x7F);
}

bool http_value_is_valid(struct str value) {
    if (value.len >= 8 && bytes8_none(value, controls_8))
        return true;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

const char *http_status_text(int status) {
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {508, "Loop Detected"},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}
