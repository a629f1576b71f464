/* Paths of a catalogue's file: "a.b", "a.list[].c", "[].c", "header:NAME", "path:2", and texts made of paths. */
#ifndef PROXY_DECIDE_CATALOG_PATH_H
#define PROXY_DECIDE_CATALOG_PATH_H

#include "proxy/decide/catalog.h"
#include "proxy/decide/catalog_reader.h"

enum { PATH_SEGMENT_MAX = 32 };

/* All of these tell a problem at `at` and return false where the text cannot be one. */
bool compile_path(struct reader *reader, struct str text, const struct json *at, struct path *path);
/* The path to a list, "a.b" or "a.b[]"; "[]" is the body itself. */
bool compile_list_path(struct reader *reader, struct str text, const struct json *at, struct path *path);
/* A path, or a text with paths in braces. */
bool compile_type_source(struct reader *reader, struct str text, const struct json *at, struct type_source *source);

/* Cuts the next piece off `rest`: text up to a brace, or what stands between two. False where a brace is alone. */
bool template_next_piece(struct str *rest, struct str *piece, bool *is_variable);

#endif
