/* A body of a kibibyte can hold a gibibyte of zeros. So the text grows as it comes and never beyond its limit, whatever
 * the sizes in the member say. */
#include "common/gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum { FIRST_ROOM = 64 * 1024, GZIP_WINDOW = 15 + 16 /* 16: a gzip member and nothing else (zlib.h) */ };

struct text {
    struct arena *arena;
    char *at;
    size_t len, capacity, most;
};

/* Room for one byte more than the limit: that one shows that there is too much. */
static enum err more_room(struct text *text) {
    if (text->len > text->most)
        return ERR_LIMIT;
    size_t capacity = text->capacity == 0 ? FIRST_ROOM : text->capacity + text->capacity / 2;
    if (capacity > text->most + 1)
        capacity = text->most + 1;
    if (!arena_has_room(text->arena, capacity - text->capacity))
        return ERR_BUSY;
    char *larger = arena_grow(text->arena, text->at, text->capacity, capacity);
    if (larger == NULL)
        return ERR_BUSY;
    text->at = larger;
    text->capacity = capacity;
    return ERR_NONE;
}

/* Z_STREAM_END: the member is whole. */
static enum err inflate_all(z_stream *stream, struct text *text) {
    for (;;) {
        if (text->len == text->capacity) {
            enum err err = more_room(text);
            if (err != ERR_NONE)
                return err;
        }
        stream->next_out = (unsigned char *)text->at + text->len;
        stream->avail_out = (uInt)(text->capacity - text->len);
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_MEM_ERROR)
            abort();
        text->len = text->capacity - stream->avail_out;
        if (result == Z_STREAM_END)
            return stream->avail_in > 0 ? ERR_INVALID : ERR_NONE;
        if (result != Z_OK || (stream->avail_in == 0 && stream->avail_out > 0))
            return ERR_INVALID;
    }
}

enum err gzip_decode(struct arena *arena, struct str data, size_t most, struct str *result) {
    struct text text = {.arena = arena, .most = most};
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)data.at, .avail_in = (uInt)data.len};
    if (data.len > UINT32_MAX / 2)
        return ERR_LIMIT;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        abort(); /* out of memory, or another zlib than was built with */
    enum err err = inflate_all(&stream, &text);
    inflateEnd(&stream);
    if (err == ERR_NONE && text.len > most)
        err = ERR_LIMIT;
    if (err == ERR_NONE)
        *result = text.len == 0 ? STR("") : str_slice(text.at, text.len);
    return err;
}
