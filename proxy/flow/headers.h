/* Headers of a message between receiving and delivering: which go on, and how they are kept. */
#ifndef PROXY_FLOW_HEADERS_H
#define PROXY_FLOW_HEADERS_H

#include "common/arena.h"
#include "common/httpd.h"

struct header_list {
    struct http_header *items;
    size_t count, capacity;
};

/* The end-to-end headers as one text for the store: without those of the connection (RFC 9110 section 7.6.1), Host,
 * Content-Length, Expect, our own Hookshift-*, but for Hookshift-Instance (the marks of proxies before this one), and
 * what passes for one of those or for a header that we set where "_" and other marks are read as dashes (CGI, WSGI):
 * webhook_id. */
struct headers_choice {
    bool is_trusted; /* the sender may say X-Forwarded-*; what forwarded_encode() writes anew is left out in any case */
    bool was_decoded; /* the body is not the one that Content-Encoding and digests speak of */
};
struct str headers_encode(struct arena *arena, const struct http_header *headers, size_t count,
                          struct headers_choice choice);
/* Back again; slices of `text`. What cannot be read (a damaged store), or would be left out today, is left out. */
void headers_decode(struct arena *arena, struct str text, struct header_list *list);

void headers_add(struct arena *arena, struct header_list *list, struct str name, struct str value);
/* Names are compared without regard to case, and marks such as "_" count as dashes. */
void headers_remove(struct header_list *list, struct str name);          /* every one of that name */
void headers_remove_family(struct header_list *list, struct str prefix); /* every one that begins so */
void headers_set(struct arena *arena, struct header_list *list, struct str name, struct str value); /* add or replace */
struct str headers_get(const struct header_list *list, struct str name); /* the first; absent */

/* Is this mark among those of the proxies that sent it on? */
bool headers_hold_mark(const struct http_header *headers, size_t count, struct str mark);

/* The traceparent to go on with: the sender's where it is well formed (W3C Trace Context), else a new one. */
struct str headers_trace_parent(struct arena *arena, const struct http_header *headers, size_t count);

#endif
